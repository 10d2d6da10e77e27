package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// selectionTimeout is how long a command waits for a primary before the store
// says that there is none. It is short so that an outage is told soon; waiting
// goes on with the next attempt.
const selectionTimeout = 3 * time.Second

// ClientOptions turns a MONGO_URI into options that suit the store: an app name
// for the server's log, no retries hidden in the driver, an outage told within
// seconds. What the address sets itself stays, and what can't stay is refused. The
// error names MONGO_URI and says what is wrong without quoting a value, since it
// may be a password.
func ClientOptions(uri string) (*options.ClientOptions, error) {
	if !strings.HasPrefix(uri, "mongodb://") && !strings.HasPrefix(uri, "mongodb+srv://") {
		return nil, errors.New("MONGO_URI has to begin with mongodb:// or mongodb+srv://")
	}
	opts := options.Client().ApplyURI(uri)
	if err := opts.Validate(); err != nil {
		return nil, invalidURI(err)
	}
	if err := checkURI(uri); err != nil {
		return nil, err
	}
	if opts.AppName == nil {
		opts.SetAppName("ingestion")
	}
	if opts.ServerSelectionTimeout == nil {
		opts.SetServerSelectionTimeout(selectionTimeout)
	}
	if opts.MaxAdaptiveRetries == nil {
		opts.SetMaxAdaptiveRetries(0)
	}
	return opts, nil
}

func invalidURI(err error) error {
	var dns *net.DNSError
	var file *fs.PathError
	switch {
	case errors.As(err, &dns):
		return errors.New("the servers behind MONGO_URI can't be found: DNS has no mongodb+srv record of that name, or doesn't answer")
	case errors.As(err, &file):
		return fmt.Errorf("MONGO_URI names a file for TLS that can't be read (%w): check tlsCAFile and tlsCertificateKeyFile", file.Err)
	}
	return errors.New("MONGO_URI is not a valid address: it reads mongodb://user:password@host:port/?option=value, with @ : / % in user and password written as %40 %3A %2F %25")
}

// checkURI refuses the options that the store would have to override, and those
// that the driver doesn't know and would pass over.
func checkURI(uri string) error {
	u, err := connstring.ParseAndValidate(uri)
	if err != nil {
		return invalidURI(err)
	}
	const durable = "every insert is acknowledged by a majority, journaled; leave it out"
	const patient = "the service sets the time limits of its commands itself, and repeats them as long as it takes; leave it out"
	const primary = "the service reads from the primary only, by read concerns of its own; leave it out"
	_, wtimeout := u.Options["wtimeoutms"]
	for _, option := range []struct {
		name    string
		refused bool
		why     string
	}{
		{"w", u.WNumberSet || u.WString != "" && u.WString != "majority", durable},
		{"journal", u.JSet && !u.J, durable},
		{"wtimeoutMS", wtimeout, patient},
		{"timeoutMS", u.TimeoutSet, patient},
		{"socketTimeoutMS", u.SocketTimeoutSet, patient},
		{"readPreference", u.ReadPreference != "" && u.ReadPreference != "primary", primary},
		{"readPreferenceTags", len(u.ReadPreferenceTagSets) > 0, primary},
		{"maxStalenessSeconds", u.MaxStalenessSet, primary},
		{"readConcernLevel", u.ReadConcernLevel != "", primary},
	} {
		if option.refused {
			return fmt.Errorf("MONGO_URI has the option %s: %s", option.name, option.why)
		}
	}
	if unknown := slices.Sorted(maps.Keys(u.UnknownOptions)); len(unknown) > 0 {
		if _, query, _ := strings.Cut(uri, "?"); strings.Contains(query, "@") {
			return invalidURI(nil) // a password with a ? in it, perhaps
		}
		return fmt.Errorf("MONGO_URI has options that the driver doesn't know: %s", strings.Join(unknown, ", "))
	}
	return nil
}
