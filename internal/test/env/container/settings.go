package container

import (
	"net"
	"os"
	"strings"

	tclog "github.com/testcontainers/testcontainers-go/log"
)

// quieten keeps testcontainers from writing a report of the engine into the
// test's output, and from starting its reaper, which needs another image: who
// calls Redis stops what it started.
func quieten() {
	tclog.SetDefault(tclog.NewNoopLogger())
	setDefault("TESTCONTAINERS_RYUK_DISABLED", "true")
}

// findHost says where published ports are. testcontainers takes a file that
// Docker leaves in containers for a proof that this is one, and looks for the
// ports at the gateway; but a machine made from an image has that file as
// well. Where the engine's bridge is an interface of ours, so are its ports.
func findHost() {
	if engine := os.Getenv("DOCKER_HOST"); engine != "" && !strings.HasPrefix(engine, "unix://") {
		return
	}
	if _, err := net.InterfaceByName("docker0"); err == nil {
		setDefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	}
}

// setDefault sets an environment variable that is not set.
func setDefault(name, value string) {
	if os.Getenv(name) == "" {
		_ = os.Setenv(name, value) // fails for impossible names only
	}
}
