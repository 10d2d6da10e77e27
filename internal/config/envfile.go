package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/joho/godotenv"
)

const envFileName = ".env"

// envFile is the .env file of the working directory.
type envFile struct {
	path string // absolute; empty if there is no such file
	text string
	vars map[string]string
}

// readEnvFile returns the .env file, which may not exist. The error is an *Error.
func readEnvFile() (envFile, error) {
	text, err := os.ReadFile(envFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return envFile{}, nil
	}
	if err != nil {
		return envFile{}, unreadable(err)
	}
	path, err := filepath.Abs(envFileName)
	if err != nil {
		return envFile{}, unreadable(err)
	}
	const byteOrderMark = "\ufeff" // some editors begin a file with it
	f := envFile{path: path, text: strings.TrimPrefix(string(text), byteOrderMark)}
	if f.vars, err = parseEnv(f.text); err != nil { // its text quotes the file, which may hold passwords
		return envFile{}, &Error{Faults: []string{f.malformed()}}
	}
	return f, nil
}

func unreadable(err error) *Error {
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return &Error{Faults: []string{".env can't be read: " + err.Error()}}
}

// parseEnv parses whole lines: of a last line without an end, godotenv would accept
// a name without a value.
func parseEnv(text string) (map[string]string, error) {
	return godotenv.Unmarshal(text + "\n")
}

// malformed says which line can't be parsed, and why. It quotes no values, and only
// names of settings, since a line may be part of a password.
func (f envFile) malformed() string {
	number, line := f.firstFault()
	name, value, assigned := strings.Cut(line, "=")
	name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "export "))
	why := "is malformed"
	switch {
	case !assigned:
		why = "has no = sign"
	case strings.ContainsFunc(name, func(r rune) bool { return !isNameRune(r) }):
		why = "has a name with other characters than letters, digits and underscores"
	case strings.HasPrefix(strings.TrimSpace(value), `"`), strings.HasPrefix(strings.TrimSpace(value), `'`):
		why = "has a value whose quotes do not match"
		if isSetting(name) {
			why = "has a value of " + name + " whose quotes do not match"
		}
	}
	return fmt.Sprintf(".env: line %d %s: want NAME=value, with quotes around a value that contains spaces or #", number, why)
}

func isNameRune(r rune) bool {
	return r == '_' || r == '.' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

// firstFault returns the first line that no following lines complete, and its number.
// godotenv does not say where it fails. A quoted value may extend over several lines,
// so a line is at fault if it can be parsed with none of the following ones.
func (f envFile) firstFault() (number int, line string) {
	lines := strings.Split(strings.ReplaceAll(f.text, "\r\n", "\n"), "\n")
	start := 0
	for end := 1; end <= len(lines); end++ {
		if _, err := parseEnv(strings.Join(lines[start:end], "\n")); err == nil {
			start = end
		}
	}
	start = min(start, len(lines)-1)
	return start + 1, lines[start]
}

// line returns the number of the line that sets a variable, or 0.
func (f envFile) line(name string) int {
	number := 0
	for text := range strings.Lines(f.text) {
		number++
		before, _, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text), "export "), "=")
		if found && strings.TrimSpace(before) == name {
			return number
		}
	}
	return 0
}
