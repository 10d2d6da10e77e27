package env

import (
	"strings"
	"syscall"
	"testing"

	"ingestion/internal/embedded"
)

// embeddedNode runs the server in this process.
type embeddedNode struct {
	dir    string
	server *embedded.Mongo
	hooked bool
}

func (n *embeddedNode) start(t testing.TB, addr string) string {
	t.Helper()
	if n.server != nil {
		t.Fatal("Start: this MongoDB is already running")
	}
	server, err := embedded.StartMongo(t.Context(), embedded.Options{Addr: addr, Dir: n.dir})
	if err != nil {
		t.Fatal(err)
	}
	n.server = server
	if !n.hooked {
		n.hooked = true
		t.Cleanup(func() {
			if n.server != nil {
				n.stop(t)
			}
		})
	}
	return server.Addr()
}

func (n *embeddedNode) stop(t testing.TB) {
	t.Helper()
	if n.server == nil {
		t.Fatal("Stop: this MongoDB is down")
	}
	if err := n.server.Close(); err != nil {
		t.Errorf("MongoDB does not close cleanly: %v", err)
	}
	n.server = nil
}

func (n *embeddedNode) kill(t testing.TB) {
	t.Helper()
	t.Fatal("Kill: this MongoDB runs in the test's process; a test that kills its server must use env.MongoProcess")
}

// processNode runs `standalone mongo`.
type processNode struct {
	bin, dir string
	proc     *Proc
}

func (n *processNode) start(t testing.TB, addr string) string {
	t.Helper()
	if n.proc != nil {
		t.Fatal("Start: this MongoDB is already running")
	}
	n.proc = Process(t, n.bin, []string{"mongo", "--addr", addr, "--data", n.dir}, nil)
	const prefix = "ready mongodb://"
	line := n.proc.WaitForLine(startTimeout, func(line string) bool { return strings.HasPrefix(line, prefix) })
	return strings.Trim(strings.TrimPrefix(line, prefix), "/")
}

func (n *processNode) stop(t testing.TB) {
	t.Helper()
	n.running(t, "Stop").Signal(syscall.SIGTERM)
	if code := n.proc.Wait(startTimeout); code != 0 {
		t.Fatalf("MongoDB exited with code %d\n%s", code, n.proc.tail())
	}
	n.proc = nil
}

func (n *processNode) kill(t testing.TB) {
	t.Helper()
	n.running(t, "Kill").Kill()
	n.proc = nil
}

func (n *processNode) running(t testing.TB, call string) *Proc {
	t.Helper()
	if n.proc == nil {
		t.Fatalf("%s: this MongoDB is down", call)
	}
	return n.proc
}
