package env

import (
	"fmt"
	"os"

	"go.uber.org/goleak"
)

// Main runs a package's tests and exits. It stops the servers they share and
// fails if a goroutine is left. It is a package's whole TestMain:
//
//	func TestMain(m *testing.M) { env.Main(m) }
func Main(m interface{ Run() int }, options ...goleak.Option) {
	shared.Lock()
	shared.stoppable = true
	shared.Unlock()
	code := m.Run()
	problems := []error{stopShared()}
	if code == 0 {
		problems = append(problems, goleak.Find(options...))
	}
	for _, problem := range problems {
		if problem != nil {
			fmt.Fprintln(os.Stderr, "env:", problem)
			code = 1
		}
	}
	os.Exit(code)
}
