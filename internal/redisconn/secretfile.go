package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/reread"
)

// passwords has the passwords read from their files.
func (a Access) passwords(opts *redis.UniversalOptions) error {
	if a.PasswordFile != "" {
		file, err := secretFile(a.PasswordFile, settingPassword)
		if err != nil {
			return err
		}
		opts.Password, _ = file.Current()
		user := opts.Username
		opts.CredentialsProviderContext = func(context.Context) (string, string, error) {
			password, _ := file.Current()
			return user, password, nil
		}
	}
	if a.SentinelPasswordFile == "" {
		return nil
	}
	file, err := secretFile(a.SentinelPasswordFile, settingSentinelPassword)
	if err != nil {
		return err
	}
	opts.SentinelUsername = a.SentinelUsername
	standIn(opts, file)
	return nil
}

// secretFile is a file with a password.
func secretFile(path, setting string) (*reread.Value[string], error) {
	return reread.New(func() (string, error) {
		password, err := reread.Password(path)
		if err != nil {
			return "", &SettingError{Setting: setting, Problem: err.Error()}
		}
		return password, nil
	}, nil)
}
