package store

import (
	"errors"
	"net"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// selectionTimeout is how long a command waits for a primary before the store
// says that there is none. It is short so that an outage is told soon; waiting
// goes on with the next attempt.
const selectionTimeout = 3 * time.Second

// ClientOptions turns a MONGO_URI into options that suit the store: an app name
// for the server's log, no retries hidden in the driver, an outage told within
// seconds. What the address sets itself stays. The error names MONGO_URI and
// says what is wrong without quoting it, since it may hold a password.
func ClientOptions(uri string) (*options.ClientOptions, error) {
	if !strings.HasPrefix(uri, "mongodb://") && !strings.HasPrefix(uri, "mongodb+srv://") {
		return nil, errors.New("MONGO_URI has to begin with mongodb:// or mongodb+srv://")
	}
	opts := options.Client().ApplyURI(uri)
	if err := opts.Validate(); err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) {
			return nil, errors.New("the servers behind MONGO_URI can't be found: DNS has no mongodb+srv record of that name, or doesn't answer")
		}
		return nil, errors.New("MONGO_URI is not a valid address: it reads mongodb://user:password@host:port/?option=value, with @ : / % in user and password written as %40 %3A %2F %25")
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
