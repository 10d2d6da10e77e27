package need_test

import (
	"testing"

	"ingestion/internal/test/need"
)

// recorder takes the place of a test that is skipped or failed.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic(r) } // as Fatalf, does not return

func TestAMissingProgramFailsInCI(t *testing.T) {
	for _, ci := range []string{"", "true"} {
		t.Setenv("CI", ci)
		r := &recorder{TB: t}
		func() {
			defer func() { _ = recover() }()
			need.Program(r, "no-such-program")
		}()
		if r.failed != (ci != "") || r.skipped == r.failed {
			t.Errorf("CI=%q: skipped %v, failed %v", ci, r.skipped, r.failed)
		}
	}
	r := &recorder{TB: t}
	if need.Program(r, "go"); r.skipped || r.failed {
		t.Error("a program that exists is missing")
	}
}
