package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/store"
)

// TestCertificates has each fault of a certificate told at once, by the option of the
// connection string that mends it.
func TestCertificates(t *testing.T) {
	later, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	authority, stranger := env.NewAuthority(t), env.NewAuthority(t)
	server := env.Mongo(t)
	addr := server.TLS(t, authority, authority.Issue(later, "127.0.0.1"))
	old := server.TLS(t, authority, authority.Issue(past, "127.0.0.1"))
	other := server.TLS(t, authority, authority.Issue(later, "mongo.test"))
	for name, c := range map[string]struct {
		addr, ca string
		own      *env.Pair
		want     string // "" if it works
	}{
		"good":                     {addr, authority.File, pair(authority.Issue(later)), ""},
		"an unknown authority":     {addr, stranger.File, pair(authority.Issue(later)), "the certificate of MongoDB at " + addr + " is by an authority that is not trusted here: name the file with the authority's certificate in tlsCAFile"},
		"an expired certificate":   {old, authority.File, pair(authority.Issue(later)), "the certificate of MongoDB at " + old + " has expired on "},
		"a wrong name":             {other, authority.File, pair(authority.Issue(later)), "the certificate of MongoDB at " + other + " is not for 127.0.0.1 but for mongo.test"},
		"no client certificate":    {addr, authority.File, nil, "MongoDB at " + addr + " wants a client certificate: name the file with it and its key in tlsCertificateKeyFile"},
		"a client's that expired":  {addr, authority.File, pair(authority.Issue(past)), "tlsCertificateKeyFile"},
		"a client's of a stranger": {addr, authority.File, pair(stranger.Issue(later)), "tlsCertificateKeyFile"},
	} {
		t.Run(name, func(t *testing.T) {
			uri := "mongodb://" + c.addr + "/?tls=true&tlsCAFile=" + c.ca
			if c.own != nil {
				uri += "&tlsCertificateKeyFile=" + together(t, *c.own)
			}
			s := newStore(t, collectionAt(t, uri), store.Options{})
			begin := time.Now()
			err := s.Await(t.Context())
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !store.Permanent(err)) {
				t.Errorf("%v; want %q", err, c.want)
			}
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func pair(p env.Pair) *env.Pair { return &p }

// together writes certificate and key into one file, as MongoDB's drivers want them.
func together(t *testing.T, p env.Pair) string {
	t.Helper()
	var text []byte
	for _, file := range []string{p.Cert, p.Key} {
		part, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	file := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
