package local

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// rss is the resident memory of a process in bytes; false once it has ended.
func rss(pid int) (int64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if size, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(size, "kB")), 10, 64)
			return kib << 10, err == nil
		}
	}
	return 0, false
}
