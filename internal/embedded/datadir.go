package embedded

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"ingestion/internal/filelock"
)

// dataDir is the data directory of one Mongo. A permanent one is locked.
type dataDir struct {
	path      string
	temporary bool
	lock      *filelock.Lock // nil if temporary
}

// DirError says why a data directory can't be used, and what to do about it.
type DirError struct {
	Dir string // empty for a temporary one
	err error
}

func (e *DirError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *DirError) Unwrap() error { return e.err }

// openDataDir creates the directory if necessary and locks it; "" means a temporary
// one.
func openDataDir(path string) (*dataDir, error) {
	if path == "" {
		temporary, err := os.MkdirTemp("", "ingestion-mongo-")
		if err != nil {
			return nil, fmt.Errorf("creating a directory for temporary data in %q, which must be writable: %w", os.TempDir(), err)
		}
		return &dataDir{path: temporary, temporary: true}, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %q: use an absolute path: %w", path, err)
	}
	// SQLite parses these as URI syntax even if they are escaped.
	if strings.ContainsAny(path, "?#%") {
		return nil, fmt.Errorf("data directory %q: the path must not contain ?, # or %%", path)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("creating data directory %q, which must be writable: %w", path, err)
	}
	lock, err := filelock.Try(filepath.Join(path, "lock"))
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("data directory %q is in use by another embedded MongoDB: stop that one, or use another directory: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("locking data directory %q, which must be writable: %w", path, err)
	}
	return &dataDir{path: path, lock: lock}, nil
}

// sqliteURL returns the directory as FerretDB expects it. Temporary data need not
// survive a crash of the machine, so nothing waits for the disk there.
func (d *dataDir) sqliteURL() string {
	u := url.URL{Scheme: "file", Opaque: filepath.ToSlash(d.path) + "/"}
	if d.temporary {
		u.RawQuery = url.Values{"_pragma": {"synchronous(off)"}}.Encode()
	}
	return u.String()
}

// close unlocks the directory, or removes it if it is temporary.
func (d *dataDir) close() error {
	if !d.temporary {
		return d.lock.Close()
	}
	if err := os.RemoveAll(d.path); err != nil {
		return fmt.Errorf("the embedded MongoDB left temporary data in %q, please remove it: %w", d.path, err)
	}
	return nil
}
