package redisconn_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/redisconn"
)

func TestParse(t *testing.T) {
	type want struct {
		Addrs              []string
		User, Pass, Master string
		DB                 int
		TLS, Cluster       bool
	}
	for url, w := range map[string]want{
		"redis://localhost:6379/0":                 {Addrs: []string{"localhost:6379"}},
		"redis://localhost":                        {Addrs: []string{"localhost:6379"}},
		"redis://[::1]:7000/3":                     {Addrs: []string{"[::1]:7000"}, DB: 3},
		"redis://:s3cret@h:1":                      {Addrs: []string{"h:1"}, Pass: "s3cret"},
		"redis://u:p%40ss%2Fw@h:1/2":               {Addrs: []string{"h:1"}, User: "u", Pass: "p@ss/w", DB: 2},
		"redis://u:p@ss@h:1":                       {Addrs: []string{"h:1"}, User: "u", Pass: "p@ss"},
		"rediss://h":                               {Addrs: []string{"h:6379"}, TLS: true},
		"redis://a:1,b:2,c":                        {Addrs: []string{"a:1", "b:2", "c:6379"}, Cluster: true},
		"redis+cluster://h1":                       {Addrs: []string{"h1:6379"}, Cluster: true},
		"rediss+cluster://u:pw@h1:7,h2/0":          {Addrs: []string{"h1:7", "h2:6379"}, User: "u", Pass: "pw", TLS: true, Cluster: true},
		"redis://[::1],[fe80::1%eth0]:7":           {Addrs: []string{"[::1]:6379", "[fe80::1%eth0]:7"}, Cluster: true},
		"redis://:a,b:c@h":                         {Addrs: []string{"h:6379"}, Pass: "a,b:c"},
		"redis+sentinel://s1,s2:5/primary/4":       {Addrs: []string{"s1:26379", "s2:5"}, Master: "primary", DB: 4},
		"redis+sentinel://:pw@s1/primary":          {Addrs: []string{"s1:26379"}, Master: "primary", Pass: "pw"},
		"redis://localhost:6379?db=3":              {Addrs: []string{"localhost:6379"}, DB: 3},
		"redis://localhost:6379/3?db=3&protocol=3": {Addrs: []string{"localhost:6379"}, DB: 3},
		"redis+sentinel://s1/primary?db=4":         {Addrs: []string{"s1:26379"}, Master: "primary", DB: 4},
		"redis+cluster://h1?db=0":                  {Addrs: []string{"h1:6379"}, Cluster: true},
	} {
		o, err := redisconn.Parse(url, "")
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := want{o.Addrs, o.Username, o.Password, o.MasterName, o.DB, o.TLSConfig != nil, o.IsClusterMode}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", url, diff)
		}
	}
}

func TestParseRefusesWithoutQuotingThePassword(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://h", "redis://", "redis://h:port", "redis://h:0", "redis://h:70000",
		"redis://h/minus", "redis://h/-1", "redis://a,b/1", "redis+sentinel://s1", "redis://u:hunter2%zz@h", "redis://u:hunter2@h:x", "hunter2@redis://h",
		"redis+cluster://h/1", "redis://h:1,", "redis://::1", "redis://[h]:1", "redis://[hunter2", "redis://h:+1", "redis://h 1",
		"redis://a,b?db=1", "redis://h/0?db=1", "redis://h?db=x", "redis://h?db=1&db=1",
		// the rest of a password, perhaps
		"redis://h?hunter2", "redis://h?hunter2=x", "redis://h?read_timeout=hunter2", "redis://h?%zzhunter2", "rediss://h?tls_ca_file=/hunter2", "rediss://h?tls_cert_file=/hunter2&tls_key_file=/hunter2",
		// the @host is forgotten
		"redis://:hunter2:6379/0", "redis://u:hunter2:6379/0", "redis://:hunter2/0", "redis://u:hunter2/0", "redis://:hunter2", "redis://u:hun/hunter2:6379/0",
		"redis+cluster://:hunter2:6379", "redis+sentinel://:hunter2:26379/primary", "redis://hunter2!:6379", "redis://h/hunter2", "hunter2://h",
		// a password for each node
		"redis://:hunter2@h1:1,:hunter2@h2:2", "redis://u:hunter2@h1,h2@h3", "redis://u:hunter2@h/0?x=a@b",
	} {
		_, err := redisconn.Parse(url, "")
		if err == nil {
			t.Errorf("%q is accepted", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error holds the password: %v", url, err)
		}
		if shown := redisconn.Redact(url); shown != "***" {
			t.Errorf("Redact(%q) = %q: it can't be told what of it is a password", url, shown)
		}
	}
}

func TestAPasswordGivenApartWins(t *testing.T) {
	o, err := redisconn.Parse("redis://u:old@h", "new")
	if err != nil || o.Password != "new" || o.Username != "u" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestRedact(t *testing.T) {
	for url, want := range map[string]string{
		"redis://localhost:6379/0":                "redis://localhost:6379/0",
		"redis://u:hunter2@h:1/0":                 "redis://***@h:1/0",
		"redis://:a@b@h:1/0":                      "redis://***@h:1/0",
		"mongodb://u:p@h1,h2/db?password=hunter2": "mongodb://***@h1,h2/db?***",
		"redis://:hun?ter2@h:1/0":                 "redis://***@h:1/0",
		"mongodb+srv://u:p@h/?x=y":                "mongodb+srv://***@h/?***",
		"hunter2@redis://h":                       "***",
		"hunter2":                                 "***",
		"redis+sentinel://:a@s1,s2/primary/0":     "redis+sentinel://***@s1,s2/primary/0",
		"mongodb://:hunter2:27017/db":             "***",
		"mongodb://u:hunter2/db":                  "***",
		"mongodb://[::1]:27017,h/db":              "mongodb://[::1]:27017,h/db",
		"mongodb://%2Ftmp%2Fmongodb-27017.sock":   "mongodb://%2Ftmp%2Fmongodb-27017.sock",
	} {
		if got := redisconn.Redact(url); got != want {
			t.Errorf("Redact(%q) = %q, want %q", url, got, want)
		}
	}
}
