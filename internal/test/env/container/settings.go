package container

import (
	"net"
	"os"
	"strings"

	tclog "github.com/testcontainers/testcontainers-go/log"
)

// quieten keeps testcontainers from describing the engine in the test's output,
// and from starting its reaper, which needs another image: the caller of Redis or
// Mongo removes the container.
func quieten() {
	tclog.SetDefault(tclog.NewNoopLogger())
	setDefault("TESTCONTAINERS_RYUK_DISABLED", "true")
}

// findHost sets the host of published ports. testcontainers concludes from a
// file left by Docker that it runs in a container and uses the gateway; but a
// machine made from an image has that file too. If the engine's bridge is a
// local interface, the ports are local.
func findHost() {
	if engine := os.Getenv("DOCKER_HOST"); engine != "" && !strings.HasPrefix(engine, "unix://") {
		return
	}
	if _, err := net.InterfaceByName("docker0"); err == nil {
		setDefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	}
}

// setDefault sets an environment variable unless it is set.
func setDefault(name, value string) {
	if os.Getenv(name) == "" {
		_ = os.Setenv(name, value) // fails for impossible names only
	}
}
