package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// selectionTimeout is how long a command waits for a primary before it fails. It is
// short so that an outage is reported soon; the store retries anyway.
const selectionTimeout = 3 * time.Second

// ClientOptions returns client options for a connection string, suited to the store:
// an app name for the server's log, no retries by the driver, and outages reported
// within seconds. Options in the connection string take precedence; those that the
// store cannot work with, or that the driver does not know, are an error. The error
// contains no values from the connection string, since they may be secret.
//
// TLS files that the connection string names are read again for each new connection,
// so that they can be replaced while the client is used.
func ClientOptions(uri string) (*options.ClientOptions, error) {
	return ClientOptionsWith(uri, Access{})
}

// Access is how a client shows who it is, beside what the connection string says of
// that.
type Access struct {
	// PasswordFile has the user's password, instead of the one in the connection
	// string. It is read again for each new connection if authMechanism is a SCRAM,
	// PLAIN, or not given.
	PasswordFile string
	// Stale is called when that file or the TLS files can't be used any more, while
	// their last content is used; and again only after they could be. It may be nil.
	Stale func(error)
}

// ClientOptionsWith is ClientOptions with the files of access.
func ClientOptionsWith(uri string, access Access) (*options.ClientOptions, error) {
	if !strings.HasPrefix(uri, "mongodb://") && !strings.HasPrefix(uri, "mongodb+srv://") {
		return nil, errors.New("the connection string must begin with mongodb:// or mongodb+srv://")
	}
	opts := options.Client().ApplyURI(uri)
	if err := opts.Validate(); err != nil {
		return nil, invalidURI(err)
	}
	parsed, err := checkOptions(uri)
	if err != nil {
		return nil, err
	}
	if err := dialAgain(opts, parsed, access.Stale); err != nil {
		return nil, err
	}
	if err := loginAgain(opts, access.PasswordFile, access.Stale); err != nil {
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

// ErrUnresolved means that DNS does not tell the servers of a connection string that begins with mongodb+srv://. It may
// do so later.
var ErrUnresolved = errors.New("the servers in the connection string can't be found: DNS has no mongodb+srv record of that name, or doesn't answer")

func invalidURI(err error) error {
	var dns *net.DNSError
	var file *fs.PathError
	switch {
	case errors.As(err, &dns):
		return ErrUnresolved
	case errors.As(err, &file):
		return fmt.Errorf("a TLS file in the connection string can't be read (%w): check tlsCAFile and tlsCertificateKeyFile", file.Err)
	}
	return errors.New("the connection string is invalid: want mongodb://user:password@host:port/?option=value, with @ : / % in user and password written as %40 %3A %2F %25")
}

// checkOptions refuses the options that the store would have to override, and those
// that the driver does not know and would ignore.
func checkOptions(uri string) (*connstring.ConnString, error) {
	u, err := connstring.ParseAndValidate(uri)
	if err != nil {
		return nil, invalidURI(err)
	}
	const durable = "inserts always use write concern majority with journaling"
	const timed = "the store sets the timeouts of its commands, and retries them"
	const primary = "the store reads from the primary, with its own read concerns"
	_, wtimeout := u.Options["wtimeoutms"]
	for _, option := range []struct {
		name    string
		refused bool
		why     string
	}{
		{"w", u.WNumberSet || u.WString != "" && u.WString != "majority", durable},
		{"journal", u.JSet && !u.J, durable},
		{"wtimeoutMS", wtimeout, timed},
		{"timeoutMS", u.TimeoutSet, timed},
		{"socketTimeoutMS", u.SocketTimeoutSet, timed},
		{"readPreference", u.ReadPreference != "" && u.ReadPreference != "primary", primary},
		{"readPreferenceTags", len(u.ReadPreferenceTagSets) > 0, primary},
		{"maxStalenessSeconds", u.MaxStalenessSet, primary},
		{"readConcernLevel", u.ReadConcernLevel != "", primary},
	} {
		if option.refused {
			return nil, fmt.Errorf("remove the option %s from the connection string: %s", option.name, option.why)
		}
	}
	if unknown := slices.Sorted(maps.Keys(u.UnknownOptions)); len(unknown) > 0 {
		if _, query, _ := strings.Cut(uri, "?"); strings.Contains(query, "@") {
			return nil, invalidURI(nil) // perhaps a password that contains a ?
		}
		return nil, fmt.Errorf("the connection string has options that the driver doesn't know: %s", strings.Join(unknown, ", "))
	}
	return u, nil
}

// Check checks once, within the time limit of a command, whether the collection can
// be reached and read. The error is an *Error.
func (s *Store) Check(ctx context.Context) error {
	l := s.pace.current()
	// A find needs a primary, a login and the right to read; a ping needs only the
	// first.
	_, err := s.command(ctx, l.timeout, bson.Raw(appendFind(nil, s.coll.Name(), []string{""}, local)))
	if err != nil {
		return newError(classifyLookup(err), err, l.timeout)
	}
	s.notifier.recovered()
	return nil
}

// Await waits at start-up until Check succeeds. It fails at once if the error is
// Permanent, such as wrong credentials, and when ctx ends; then the error wraps ctx's
// error and the last failure.
func (s *Store) Await(ctx context.Context) error {
	return s.retry(ctx, "reach MongoDB", Permanent, s.Check)
}

// Permanent reports whether err, an error of this package, persists until an operator
// acts: wrong credentials, missing rights, an unsuitable configuration, or a certificate
// that is refused.
func Permanent(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && (failure.Class == Operator || failure.Class == Configuration || failure.tls)
}

// buildTimeout limits one attempt to build the index, unless ctx ends first.
const buildTimeout = time.Hour

// EnsureIndexes creates the collection's secondary index, on customerId and
// createdAt, unless it exists; an index on the same fields under another name will
// do. It may be called at every start and waits and fails like Await. The index
// serves readers of the collection: the store does not use it, and it slows inserts
// down.
//
// On a large collection, building the index may take longer than ctx allows. MongoDB
// then abandons it; create the index beforehand instead.
func (s *Store) EnsureIndexes(ctx context.Context) error {
	return s.retry(ctx, "create the index on customerId and createdAt", Permanent, s.createIndex)
}

func (s *Store) createIndex(ctx context.Context) error {
	start := time.Now()
	_, err := s.command(ctx, buildTimeout, bson.D{
		{Key: "createIndexes", Value: s.coll.Name()},
		{Key: "indexes", Value: bson.A{bson.D{
			{Key: "key", Value: bson.D{{Key: "customerId", Value: 1}, {Key: "createdAt", Value: 1}}},
			{Key: "name", Value: "customerId_1_createdAt_1"},
		}}},
	})
	if err == nil {
		s.notifier.recovered()
		return nil
	}
	v := classifyLookup(err)
	switch v.code {
	case 85: // IndexOptionsConflict: the same fields under another name
		return nil
	case 86, 67: // IndexKeySpecsConflict, CannotCreateIndex
		v.class = Configuration
	}
	return newError(v, err, time.Since(start))
}
