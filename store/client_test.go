package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

const password = "sesame-open"

// loginAt returns a store whose connection string has a password.
func loginAt(t *testing.T, f *fixture) *store.Store {
	t.Helper()
	uri := "mongodb://ali:" + password + "@" + f.server.Addr()
	return newStore(t, collectionAt(t, uri), store.Options{
		CommandTimeout: 500 * time.Millisecond, InitialBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond, Observer: f.watch,
	})
}

func TestAwaitFailsAtOnceOnAWrongPassword(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	err := loginAt(t, f).Await(t.Context())
	var failure *store.Error
	if !errors.As(err, &failure) || failure.Class != store.Operator || failure.Code != 18 || !store.Permanent(err) {
		t.Fatalf("err = %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "connection string") || !strings.Contains(text, "password") || strings.Contains(text, password) {
		t.Errorf("err = %s", text)
	}
}

func TestFailingLoginIsNoWrongPassword(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.server.Script("saslStart", faulty.Fault{CutBefore: true}, faulty.Fault{Code: 11600})
	err := loginAt(t, f).Await(t.Context())
	if !store.Permanent(err) { // the third login is rejected
		t.Fatalf("err = %v", err)
	}
	if f.server.Count("saslStart") < 3 || f.watch.saw(store.Operator) != 0 {
		t.Errorf("%d logins; the observer saw %v", f.server.Count("saslStart"), f.watch.texts)
	}
}

func TestWrongPasswordAtRunTimeIsRetried(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	f.watch.onWaiting = func(class store.Class) {
		if f.watch.classes[class] == 3 {
			cancel()
		}
	}
	results, err := loginAt(t, f).Insert(ctx, documents(2))
	if !errors.Is(err, context.Canceled) || f.watch.saw(store.Operator) != 3 {
		t.Errorf("err = %v; the observer saw %v", err, f.watch.texts)
	}
	all(t, results, 0)
}

func TestAwaitWithoutTheRightToRead(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.server.Script("find", faulty.Fault{Code: 13})
	if err := f.Await(t.Context()); !store.Permanent(err) || !strings.Contains(err.Error(), "readWrite") {
		t.Errorf("err = %v", err)
	}
}

func TestAwaitWaitsForTheServer(t *testing.T) {
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.CommandTimeout = 300 * time.Millisecond })
	f.server.Stop()
	done := make(chan error, 1)
	go func() { done <- f.Await(t.Context()) }()
	waitFor(t, func() bool {
		return f.watch.heard("MongoDB is unreachable: " + f.server.Addr() + ": connection refused")
	})
	if err := f.server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("err = %v", err)
	}
}

func TestAwaitReportsTheLastFailure(t *testing.T) {
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.CommandTimeout = 100 * time.Millisecond })
	f.server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := f.Await(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || store.Permanent(err) || !strings.Contains(err.Error(), "connection string") {
		t.Errorf("err = %v", err)
	}
}

func TestEnsureIndexes(t *testing.T) {
	tests := []struct {
		name   string
		faults []faulty.Fault
		ok     bool
	}{
		{"created", nil, true},
		{"exists under another name", []faulty.Fault{{Code: 85}}, true},
		{"after an election", []faulty.Fault{{Code: 10107}}, true},
		{"the name is taken by another index", []faulty.Fault{{Code: 86}}, false},
		{"not allowed", []faulty.Fault{{Code: 13}}, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, faulty.Options{})
			f.server.Script("createIndexes", tc.faults...)
			err := f.EnsureIndexes(t.Context())
			if (err == nil) != tc.ok {
				t.Errorf("err = %v", err)
			}
			if err != nil && (!store.Permanent(err) || strings.Contains(err.Error(), "can't work") || !strings.Contains(err.Error(), "index")) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestClientOptions(t *testing.T) {
	for _, uri := range []string{"", "localhost:27017", "redis://x", "mongodb://", "mongodb://ali:" + password + "@@h/", "mongodb://ali:se/" + password + "@h", "mongodb://h/?replicaSet"} {
		if _, err := store.ClientOptions(uri); err == nil || !strings.Contains(err.Error(), "connection string") || strings.Contains(err.Error(), password) {
			t.Errorf("%q: err = %v", uri, err)
		}
	}
	opts, err := store.ClientOptions("mongodb://h/?appName=mine&serverSelectionTimeoutMS=7000")
	if err != nil || *opts.AppName != "mine" || *opts.ServerSelectionTimeout != 7*time.Second {
		t.Errorf("options of the connection string are lost: %v", err)
	}
	if opts, err := store.ClientOptions("mongodb://h"); err != nil || *opts.ServerSelectionTimeout > 5*time.Second || *opts.MaxAdaptiveRetries != 0 {
		t.Errorf("the defaults are wrong: %v", err)
	}
}

// TestOptionsOfTheConnectionString: no option is overridden silently.
func TestOptionsOfTheConnectionString(t *testing.T) {
	for _, good := range []string{"retryWrites=true&w=majority", "retryWrites=false", "journal=true", "maxPoolSize=3", "readPreference=primary", "compressors=zstd", "replicaSet=rs0"} {
		if _, err := store.ClientOptions("mongodb://h/?" + good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, option := range []string{"w=1", "w=0", "w=2", "journal=false", "wtimeoutMS=5", "timeoutMS=500", "socketTimeoutMS=500", "readPreference=secondary", "readConcernLevel=local", "maxpoolsizes=3", "zelda=1"} {
		name, _, _ := strings.Cut(option, "=")
		if _, err := store.ClientOptions("mongodb://h/?" + option); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "connection string") {
			t.Errorf("%s: err = %v", option, err)
		}
	}
	_, err := store.ClientOptions("mongodb://h/?tls=true&tlsCAFile=/no/such/file.pem")
	if err == nil || !strings.Contains(err.Error(), "tlsCAFile") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing file: %v", err)
	}
	_, err = store.ClientOptions("mongodb://h/?tls=true&tlsCertificateKeyFile=" + env.NewAuthority(t).File)
	if err == nil || !strings.Contains(err.Error(), "tlsCertificateKeyFile") || !strings.Contains(err.Error(), "PRIVATE KEY") {
		t.Errorf("a file without a key: %v", err)
	}
}

// TestLoginThatTheServerFails: it is retried, except for an unsupported mechanism.
func TestLoginThatTheServerFails(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	var logins atomic.Int32 // the driver may log in on several connections at once
	f.server.Rule("saslStart", func(faulty.Call) faulty.Fault {
		switch logins.Add(1) {
		case 1:
			return faulty.Fault{Code: 1}
		case 2:
			return faulty.Fault{Code: 8}
		default:
			return faulty.Fault{Code: 334}
		}
	})
	err := loginAt(t, f).Await(t.Context())
	if !store.Permanent(err) || !strings.Contains(err.Error(), "authMechanism") {
		t.Fatalf("err = %v", err)
	}
	if f.watch.saw(store.LoginFailed) == 0 || f.watch.saw(store.Operator) != 0 {
		t.Errorf("the observer saw %v", f.watch.texts)
	}
}

// TestFailedLoginDoesNotHideAFerretDB: the server is asked again what it is.
func TestFailedLoginDoesNotHideAFerretDB(t *testing.T) {
	f := newFixture(t, faulty.Options{Ferret: true})
	f.insert(t, documents(batch))
	f.server.Script("buildInfo", faulty.Fault{Code: 18}, faulty.Fault{Code: 8})
	all(t, f.insert(t, documents(batch)), record.Ingested)
	if f.server.Count("buildInfo") != 3 || f.server.Count("find") != batch {
		t.Errorf("%d commands buildInfo and %d find; want 3 and %d", f.server.Count("buildInfo"), f.server.Count("find"), batch)
	}
}

// TestFailingLookupsAreRepeated: a duplicate is settled only once its lookup
// succeeds.
func TestFailingLookupsAreRepeated(t *testing.T) {
	for _, ferret := range []bool{false, true} {
		for _, fault := range []faulty.Fault{{CutBefore: true}, {CutAfter: true}, {Silent: true}, {Code: 91}, {Code: 13}, {Code: 8}, {Code: 10334}, {Reply: faultyReply}} {
			for _, command := range []string{"find", "buildInfo"} {
				t.Run(fmt.Sprintf("%s ferret=%v %+v", command, ferret, fault), func(t *testing.T) {
					t.Parallel()
					f := newFixture(t, faulty.Options{Ferret: ferret}, func(o *store.Options) { o.CommandTimeout = 300 * time.Millisecond })
					other := document(1)
					other.StreamID = "1-1"
					f.put(t, document(0))
					f.put(t, other)
					f.server.Script(command, fault)
					allBut(t, f.insert(t, documents(batch)), 1, record.Duplicate)
					f.wantStored(t)
				})
			}
		}
	}
}
