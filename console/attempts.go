package console

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	freeAttempts  = 5                // wrong passwords from one address that are answered at once
	attemptsEvery = 12 * time.Second // and then one more in this time
	turnEvery     = time.Second      // all other attempts from the address wait for their turn
	mostWaiting   = 10               // of them at once
	mostAddresses = 10_000           // that are remembered; all others count as one
)

// attempts slows down those who try wrong passwords, by address. Behind a proxy all users have one
// address, so it is never shut: who guesses makes the others wait, for some seconds, and no longer. It is
// safe for concurrent use.
type attempts struct {
	mu        sync.Mutex
	addresses map[netip.Prefix]*address
}

// address is where attempts come from.
type address struct {
	free    *rate.Limiter // what is left of the free attempts
	turns   *rate.Limiter
	waiting int
}

// try calls check at once, or when it is the turn of the request; never if too many wait already, or the
// browser goes. Only failures count. Checks do not overlap, so that many at once are no way around the
// limit, and nobody learns anything before his turn.
func (a *attempts) try(r *http.Request, check func() bool) (ok, many bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := a.of(networkOf(r))
	if from.free.Tokens() < 1 && !a.await(r.Context(), from) {
		return false, true
	}
	if check() {
		return true, false
	}
	from.free.Allow()
	return false, false
}

// await waits for the turn of a request, without the lock.
func (a *attempts) await(ctx context.Context, from *address) bool {
	if from.waiting == mostWaiting {
		return false
	}
	from.waiting++
	a.mu.Unlock()
	err := from.turns.Wait(ctx)
	a.mu.Lock()
	from.waiting--
	return err == nil
}

func (a *attempts) of(network netip.Prefix) *address {
	if a.addresses == nil {
		a.addresses = map[netip.Prefix]*address{}
	}
	if len(a.addresses) >= mostAddresses {
		a.forget()
	}
	if len(a.addresses) >= mostAddresses && a.addresses[network] == nil {
		network = netip.Prefix{}
	}
	if a.addresses[network] == nil {
		a.addresses[network] = &address{
			free: rate.NewLimiter(rate.Every(attemptsEvery), freeAttempts), turns: rate.NewLimiter(rate.Every(turnEvery), 1),
		}
	}
	return a.addresses[network]
}

// forget drops the addresses that have all their attempts again.
func (a *attempts) forget() {
	for network, from := range a.addresses {
		if from.waiting == 0 && from.free.Tokens() >= freeAttempts {
			delete(a.addresses, network)
		}
	}
}

// networkOf is where a request comes from: an IPv4 address, or a network of IPv6, of which one
// machine has all addresses.
func networkOf(r *http.Request) netip.Prefix {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // fails for wrong numbers of bits only
	return network
}
