package embedded

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"ingestion/internal/embedded/filelock"
)

// dataDir is the folder of one Mongo, locked against a second one.
type dataDir struct {
	path      string
	temporary bool
	lock      *filelock.Lock
}

// openDataDir makes and locks the folder; "" makes a temporary one.
func openDataDir(path string) (*dataDir, error) {
	if path == "" {
		made, err := os.MkdirTemp("", "ingestion-mongo-")
		if err != nil {
			return nil, fmt.Errorf("embedded MongoDB finds no place for temporary data, set TMPDIR to a folder that can be written: %w", err)
		}
		return &dataDir{path: made, temporary: true}, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data folder %q: give its full path: %w", path, err)
	}
	// SQLite takes these as syntax of its URIs, whichever way they are escaped.
	if strings.ContainsAny(path, "?#%") {
		return nil, fmt.Errorf("data folder %q: choose one whose path has none of ? # %%", path)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %q cannot be made, choose one that can be written: %w", path, err)
	}
	lock, err := filelock.Try(filepath.Join(path, "lock"))
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("data folder %q is in use by another embedded MongoDB: end it, or choose another folder: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("data folder %q cannot be locked, choose one that can be written: %w", path, err)
	}
	return &dataDir{path: path, lock: lock}, nil
}

// sqliteURL is the folder as FerretDB wants it. What is temporary need not
// survive the machine, so nothing waits for the disk there.
func (d *dataDir) sqliteURL() string {
	u := url.URL{Scheme: "file", Opaque: filepath.ToSlash(d.path) + "/"}
	if d.temporary {
		u.RawQuery = url.Values{"_pragma": {"synchronous(off)"}}.Encode()
	}
	return u.String()
}

// close lets go of the folder, and removes it where it is temporary.
func (d *dataDir) close() error {
	if !d.temporary {
		return d.lock.Close()
	}
	if err := os.RemoveAll(d.path); err != nil {
		return fmt.Errorf("temporary data of the embedded MongoDB remain in %q, remove them: %w", d.path, err)
	}
	return nil
}
