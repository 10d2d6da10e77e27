package deploy_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// kubelet sends the probes of a container, one after the other and more often than
// Kubernetes would, and notes the answers. It never takes a pod for dead that Kubernetes
// would keep, but asks for more: each liveness probe has to succeed.
type kubelet struct {
	t          *testing.T
	addr       string
	live, read probe
	stop       func()

	mu       sync.Mutex
	listens  bool   // the program has answered
	dead     string // the first liveness probe that failed after that
	lives    int    // liveness probes that succeeded
	ready    bool   // by the last readiness probe
	readyNow string // its answer
}

// watch begins to send the probes of a container that listens on addr.
func watch(t *testing.T, c container, addr string) *kubelet {
	t.Helper()
	for _, p := range []probe{c.LivenessProbe, c.ReadinessProbe} {
		if p.HTTPGet.Path == "" || p.PeriodSeconds == 0 || p.TimeoutSeconds == 0 || p.FailureThreshold == 0 {
			t.Fatalf("the chart leaves something of a probe open: %+v", p)
		}
		if len(c.Ports) != 1 || c.Ports[0].Name != p.HTTPGet.Port {
			t.Fatalf("a probe of port %s, the container has %v", p.HTTPGet.Port, c.Ports)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	k := &kubelet{t: t, addr: addr, live: c.LivenessProbe, read: c.ReadinessProbe}
	k.stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(k.stop)
	go func() {
		defer close(ended)
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for ctx.Err() == nil {
			k.sendProbes(ctx)
			select {
			case <-every.C:
			case <-ctx.Done():
			}
		}
	}()
	return k
}

func (k *kubelet) sendProbes(ctx context.Context) {
	alive, answer := send(ctx, k.addr, k.live)
	ready, why := send(ctx, k.addr, k.read)
	if ctx.Err() != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ready, k.readyNow = ready, why
	switch {
	case alive:
		k.listens = true
		k.lives++
	case k.listens && k.dead == "":
		k.dead = answer
	}
}

// send sends a probe and reports whether it succeeds, and the answer.
func send(ctx context.Context, addr string, p probe) (ok bool, answer string) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.TimeoutSeconds)*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+p.HTTPGet.Path, nil)
	if err != nil {
		return false, err.Error()
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}}
	response, err := client.Do(request)
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode >= 200 && response.StatusCode < 400, response.Status
}

// awaitReady waits until the readiness probe succeeds, or fails.
func (k *kubelet) awaitReady(want bool) {
	k.t.Helper()
	env.Eventually(k.t, soon, func() (bool, string) {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.listens && k.ready == want, fmt.Sprintf("ready: %v (%s), want %v", k.ready, k.readyNow, want)
	})
	k.wantAlive()
}

// wantAlive checks that Kubernetes had no reason to restart the program so far.
func (k *kubelet) wantAlive() {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead != "" || k.lives == 0 {
		k.t.Errorf("%d liveness probes succeeded, then one got: %s", k.lives, k.dead)
	}
}
