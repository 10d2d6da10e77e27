package system

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// Refusals is the file by which mongolite is told to refuse single documents.
type Refusals string

// Set has documents refused by the remainder of a hash of their _id.
func (r Refusals) Set(modulo, remainder int, codes ...int) error {
	text, err := json.Marshal(map[string]any{"modulo": modulo, "remainder": remainder, "codes": codes})
	if err != nil {
		return err
	}
	return writeWhole(string(r), text)
}

// Clear has none refused any more.
func (r Refusals) Clear() error {
	if err := os.Remove(string(r)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
