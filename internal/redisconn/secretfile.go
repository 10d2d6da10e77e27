package redisconn

import (
	"context"
	"os"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// passwords has the passwords read from their files.
func (a Access) passwords(opts *redis.UniversalOptions) error {
	if a.PasswordFile != "" {
		file := &secretFile{path: a.PasswordFile, setting: settingPassword}
		password, err := file.read()
		if err != nil {
			return err
		}
		opts.Password = password
		user := opts.Username
		opts.CredentialsProviderContext = func(context.Context) (string, string, error) {
			return user, file.current(), nil
		}
	}
	if a.SentinelPasswordFile == "" {
		return nil
	}
	file := &secretFile{path: a.SentinelPasswordFile, setting: settingSentinelPassword}
	if _, err := file.read(); err != nil {
		return err
	}
	opts.SentinelUsername = a.SentinelUsername
	standIn(opts, file)
	return nil
}

// secretFile is a file with a password, which may change. It is safe for
// concurrent use.
type secretFile struct {
	path, setting string

	mu   sync.Mutex
	last string // that was read
}

// read returns the password, without the end of the line.
func (s *secretFile) read() (string, error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return "", &SettingError{Setting: s.setting, Problem: "can't be read: " + err.Error()}
	}
	password := strings.TrimRight(string(b), "\r\n")
	if password == "" {
		return "", &SettingError{Setting: s.setting, Problem: s.path + " is empty: want a password"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = password
	return password, nil
}

// current returns the password, or the last one while the file can't be read: it
// is perhaps being replaced.
func (s *secretFile) current() string {
	if password, err := s.read(); err == nil {
		return password
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}
