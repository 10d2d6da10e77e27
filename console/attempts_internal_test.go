package console

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func attemptFrom(ctx context.Context, remote string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/login", nil)
	r.RemoteAddr = remote
	return r
}

func right() bool   { return true }
func wrongly() bool { return false }

// guess spends the free attempts of an address.
func guess(t *testing.T, a *attempts, remote string) {
	t.Helper()
	for range freeAttempts {
		if ok, many := a.try(attemptFrom(t.Context(), remote), wrongly); ok || many {
			t.Fatalf("a guess: %v, %v", ok, many)
		}
	}
}

// Behind a proxy all have one address: who guesses there makes others wait, and keeps nobody out.
func TestGuessesDoNotShutOthersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attempts
		proxy := "192.0.2.1:1000"
		guess(t, &a, proxy)
		var guessers sync.WaitGroup
		for range mostWaiting / 2 { // more guesses, at once
			guessers.Go(func() { a.try(attemptFrom(t.Context(), proxy), wrongly) })
		}
		synctest.Wait()
		began := time.Now()
		ok, many := a.try(attemptFrom(t.Context(), proxy), right)
		if took := time.Since(began); !ok || many || took == 0 || took > mostWaiting*turnEvery {
			t.Errorf("the right password: %v, %v after %v", ok, many, took)
		}
		guessers.Wait()
		if ok, _ := a.try(attemptFrom(t.Context(), "192.0.2.2:1000"), right); !ok || time.Since(began) > mostWaiting*turnEvery {
			t.Error("another address had to wait")
		}
	})
}

// Guesses are slow, however many come at once.
func TestGuessesAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attempts
		var mu sync.Mutex
		checked, refused := 0, 0
		var all sync.WaitGroup
		began := time.Now()
		for time.Since(began) < time.Minute {
			for range 50 {
				all.Go(func() {
					_, many := a.try(attemptFrom(t.Context(), "192.0.2.1:1000"), wrongly)
					mu.Lock()
					defer mu.Unlock()
					if many {
						refused++
					} else {
						checked++
					}
				})
			}
			time.Sleep(time.Second)
		}
		all.Wait()
		if most := int(time.Since(began)/turnEvery + time.Since(began)/attemptsEvery + freeAttempts + 1); checked > most || checked < 60 || refused == 0 {
			t.Errorf("%d guesses were checked in %v, and %d refused", checked, time.Since(began), refused)
		}
	})
}

// A browser that goes gives up its turn.
func TestAnAttemptEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attempts
		guess(t, &a, "192.0.2.1:1000")
		a.try(attemptFrom(t.Context(), "192.0.2.1:1000"), wrongly) // takes the first turn
		gone, leave := context.WithCancel(t.Context())
		leave()
		if ok, many := a.try(attemptFrom(gone, "192.0.2.1:1000"), right); ok || !many {
			t.Errorf("%v, %v", ok, many)
		}
		for _, from := range a.addresses {
			if from.waiting != 0 {
				t.Errorf("%d wait", from.waiting)
			}
		}
	})
}

// One machine has all addresses of a network of IPv6, and an IPv4 address is the same one in both forms.
func TestAddressesOfOneMachine(t *testing.T) {
	for _, c := range []struct {
		one, other string
		same       bool
	}{
		{"[2001:db8::1]:1000", "[2001:db8::ffff:2]:1000", true},
		{"[2001:db8::1]:1000", "[2001:db8:0:1::1]:1000", false},
		{"[fe80::1%eth0]:1000", "[fe80::2%eth1]:1000", true},
		{"192.0.2.1:1000", "[::ffff:192.0.2.1]:2000", true},
		{"192.0.2.1:1000", "192.0.2.2:1000", false},
		{"@", "not an address", true}, // as of a Unix socket
	} {
		if got := networkOf(attemptFrom(t.Context(), c.one)) == networkOf(attemptFrom(t.Context(), c.other)); got != c.same {
			t.Errorf("%s and %s are of one machine: %v", c.one, c.other, got)
		}
	}
}

// Those who guess from very many addresses fill no memory, and win nothing.
func TestGuessesFromManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attempts
		guesser := "198.51.100.1:1000"
		guess(t, &a, guesser)
		for i := range mostAddresses + 10 {
			a.try(attemptFrom(t.Context(), fmt.Sprintf("10.0.%d.%d:1000", i/256, i%256)), wrongly)
		}
		if n := len(a.addresses); n > mostAddresses+1 {
			t.Errorf("%d addresses are remembered", n)
		}
		begun := time.Now()
		for range 2 { // the first turn is free
			a.try(attemptFrom(t.Context(), guesser), wrongly)
		}
		if time.Since(begun) == 0 {
			t.Error("who had no attempts left has them again")
		}
		time.Sleep((freeAttempts + 1) * attemptsEvery)
		if a.try(attemptFrom(t.Context(), "203.0.113.1:1000"), right); len(a.addresses) > 1 {
			t.Errorf("%d addresses that have all their attempts again are remembered", len(a.addresses))
		}
	})
}

// Those who do not even wait are told when to come back.
func TestTooManyAttemptsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newConsole(Options{Auth: Auth{User: "ada", Password: "engine"}}).handler()
		var mu sync.Mutex
		statuses := map[int]int{}
		var all sync.WaitGroup
		for range freeAttempts + 1 + mostWaiting + 3 {
			all.Go(func() {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
				r.SetBasicAuth("ada", "guess")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				mu.Lock()
				defer mu.Unlock()
				if statuses[w.Code]++; w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
			})
		}
		all.Wait()
		if statuses[http.StatusUnauthorized] < mostWaiting || statuses[http.StatusTooManyRequests] < 1 {
			t.Errorf("%v", statuses)
		}
	})
}
