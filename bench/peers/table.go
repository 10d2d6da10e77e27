package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// tableOf returns the results as Markdown; the others are compared with the
// first one.
func tableOf(results []*result) string {
	var b strings.Builder
	b.WriteString("| system | records/s, relative | records/s | CPU per record |\n|---|---|---|---|\n")
	base := results[0].perSecond()
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %.2f | %.0f | %.1f µs |\n", r.name, r.perSecond()/base, r.perSecond(),
			float64(r.cpuPerRecord())/float64(time.Microsecond))
	}
	return b.String()
}

// The marks around the table in a document.
const (
	beginMark = "<!-- peers: made by make peers -->\n"
	endMark   = "<!-- end of peers -->\n"
)

func replaceBlock(file, table string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), beginMark)
	_, after, closed := strings.Cut(rest, endMark)
	if !found || !closed {
		return fmt.Errorf("%s has no lines %q and %q", file, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return os.WriteFile(file, []byte(before+beginMark+table+endMark+after), 0o644)
}
