// Package browser lets tests look at pages in Chromium, as people with a mouse, a keyboard or a
// narrow screen do. All tests of a process share one browser; each Page has a profile of its
// own and is closed when its test ends.
//
// A page fails its test if it causes any trouble: an error on the console, an uncaught
// exception, a violation of the content security policy, a request that fails, a dialog.
//
// The helpers fail the test instead of returning an error, so they must be called from the
// test's own goroutine.
package browser

import (
	"context"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ingestion/internal/test/need"
)

// patience bounds each step in a browser. It is long because a machine that runs many tests
// is slow.
const patience = 60 * time.Second

// program is the name of Debian's browser.
const program = "chromium"

// chromium is the browser that the tests of this process share.
var chromium struct {
	sync.Mutex
	ctx  context.Context // nil: it does not run
	stop func() error
}

// Tests are the tests of a package: *testing.M.
type Tests interface{ Run() int }

// Stopping returns tests after which the browser is stopped. It is for TestMain:
//
//	func TestMain(m *testing.M) { env.Main(browser.Stopping(m)) }
func Stopping(m Tests) Tests { return stopping{m} }

type stopping struct{ Tests }

func (s stopping) Run() int {
	code := s.Tests.Run()
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		if err := chromium.stop(); err != nil && code == 0 {
			println("browser: stopping chromium:", err.Error())
			return 1
		}
	}
	return code
}

// running starts the browser unless it runs. Without chromium the test is skipped, or fails if CI
// is set.
func running(t testing.TB) context.Context {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		need.Skip(t, "needs the program %s: %v", program, err)
	}
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx == nil {
		if err := start(path); err != nil {
			t.Fatalf("starting chromium: %v", err)
		}
	}
	return chromium.ctx
}

func start(path string) error {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // root, as in CI, has none
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("disable-lcd-text", true), // the same pictures on each machine
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Run(ctx); err != nil {
		cancel()
		stopAllocator()
		return err
	}
	chromium.ctx = ctx
	chromium.stop = func() error {
		defer stopAllocator()
		return chromedp.Cancel(ctx)
	}
	return nil
}
