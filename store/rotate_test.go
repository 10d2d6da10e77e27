package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// staleness collects what is said about files that can't be read again.
type staleness struct {
	mu   sync.Mutex
	said []string
}

func (s *staleness) add(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, err.Error())
}

func (s *staleness) want(t *testing.T, phrases ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, text := range s.said {
		if i >= len(phrases) || !strings.Contains(text, phrases[i]) {
			t.Fatalf("said of files: %q, want %q", s.said, phrases)
		}
	}
	if len(s.said) != len(phrases) {
		t.Fatalf("said of files: %q, want %q", s.said, phrases)
	}
}

func storeWith(t *testing.T, uri string, access store.Access) *store.Store {
	t.Helper()
	opts, err := store.ClientOptionsWith(uri, access)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return newStore(t, client.Database("ingestion").Collection("customers"), store.Options{InitialBackoff: time.Millisecond, MaxBackoff: 50 * time.Millisecond})
}

// replace does so at once: the driver may read the file at any time.
func replace(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func contentOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reconnect closes the connections of all clients.
func reconnect(t *testing.T, server *faulty.Server) {
	t.Helper()
	server.Stop()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
}

// TestThePasswordIsReadAgain changes the user's password in MongoDB and then in the
// file.
func TestThePasswordIsReadAgain(t *testing.T) {
	for _, options := range []string{"", "?authMechanism=SCRAM-SHA-256"} {
		t.Run(options, func(t *testing.T) {
			server := faulty.Serve(t, faulty.Options{})
			server.SetPassword("first")
			file, stale := filepath.Join(t.TempDir(), "password"), &staleness{}
			replace(t, file, "first\n")
			s := storeWith(t, "mongodb://ali@"+server.Addr()+"/"+options, store.Access{PasswordFile: file, Stale: stale.add})
			awaits := func(when string) {
				t.Helper()
				if err := s.Await(t.Context()); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
			}
			awaits("the first password")
			server.SetPassword("second")
			if err := s.Check(t.Context()); err != nil {
				t.Fatalf("a connection that is logged in: %v", err)
			}
			reconnect(t, server)
			var failure *store.Error
			if err := s.Await(t.Context()); !errors.As(err, &failure) || failure.Code != 18 {
				t.Fatalf("the first password after the change: %v", err)
			}
			replace(t, file, "second\n")
			results, err := s.Insert(t.Context(), documents(batch))
			if err != nil {
				t.Fatal(err)
			}
			all(t, results, record.Ingested)
			if n := len(server.Documents("ingestion", "customers")); n != batch {
				t.Errorf("%d documents, want %d", n, batch)
			}
			stale.want(t)

			replace(t, file, "") // is being replaced
			for range 2 {
				reconnect(t, server)
				awaits("the file is empty for a moment")
			}
			stale.want(t, "is empty")
			server.SetPassword("third")
			replace(t, file, "third")
			reconnect(t, server)
			awaits("the third password")
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			reconnect(t, server)
			awaits("there is no file for a moment")
			stale.want(t, "is empty", "the file with the password can't be read")
		})
	}
}

// TestTLSFilesAreReadAgain replaces the authority of MongoDB and of the client. Each
// command makes a connection of its own.
func TestTLSFilesAreReadAgain(t *testing.T) {
	later := time.Now().Add(time.Hour)
	first, second := env.NewAuthority(t), env.NewAuthority(t)
	theirs := first.Issue(later, "127.0.0.1")
	addr := env.Mongo(t).TLS(t, first, theirs)
	ca, own, stale := filepath.Join(t.TempDir(), "ca.pem"), together(t, first.Issue(later)), &staleness{}
	replace(t, ca, contentOf(t, first.File))
	s := storeWith(t, "mongodb://"+addr+"/?maxIdleTimeMS=1&tlsCAFile="+ca+"&tlsCertificateKeyFile="+own, store.Access{Stale: stale.add})
	becomes := func(phrase, when string) {
		t.Helper()
		env.Eventually(t, 30*time.Second, func() (bool, string) {
			err := s.Check(t.Context())
			return (err == nil) == (phrase == "") && (err == nil || strings.Contains(err.Error(), phrase)), when + ": " + errorText(err)
		})
	}
	becomes("", "the first authority")

	second.Renew(theirs, later, "127.0.0.1")
	replace(t, first.File, contentOf(t, second.File)) // of which MongoDB wants client certificates
	becomes("not trusted here", "MongoDB's certificate is of another authority")
	replace(t, ca, contentOf(t, second.File))
	becomes("whose authority it does not trust", "the client's certificate is of another authority")
	stale.want(t)

	renewed := second.Issue(later)
	replace(t, own, contentOf(t, renewed.Cert)) // half of it
	for range 2 {
		becomes("whose authority it does not trust", "the new certificate is half written")
	}
	replace(t, own, contentOf(t, renewed.Cert)+contentOf(t, renewed.Key))
	becomes("", "all is new")
	stale.want(t, "PRIVATE KEY")

	second.Renew(theirs, later, "mongo.test")
	becomes("is not for 127.0.0.1 but for mongo.test", "the new certificate is for another host")
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// TestUnverified tells the clients that accept any certificate.
func TestUnverified(t *testing.T) {
	ca := env.NewAuthority(t).File
	for options, want := range map[string]bool{"": false, "tls=true": false, "tlsCAFile=" + ca: false, "tls=true&tlsInsecure=true": true, "tlsInsecure=true&tlsCAFile=" + ca: true} {
		opts, err := store.ClientOptions("mongodb://h/?" + options)
		if err != nil || store.Unverified(opts) != want {
			t.Errorf("%s: %v, %v; want %v", options, store.Unverified(opts), err, want)
		}
	}
}
