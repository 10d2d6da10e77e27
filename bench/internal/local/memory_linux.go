package local

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory returns the current and the peak resident memory of a process in
// bytes; false if it has exited. The peak is that of the program alone, while
// ru_maxrss of wait4 is at least the memory of the parent at the fork.
func memory(pid int) (now, peak int64, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		name, size, _ := strings.Cut(line, ":")
		switch name {
		case "VmHWM":
			peak = kibibytes(size)
		case "VmRSS":
			now = kibibytes(size)
		}
	}
	return now, peak, peak > 0
}

func kibibytes(size string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(size, "kB")), 10, 64)
	return n << 10
}
