package redisconn

import "errors"

// The settings that errors of this package name.
const (
	settingURL              = "REDIS_URL"
	settingPassword         = "REDIS_PASSWORD_FILE"
	settingCA               = "REDIS_TLS_CA_FILE"
	settingCert             = "REDIS_TLS_CERT_FILE"
	settingKey              = "REDIS_TLS_KEY_FILE"
	settingName             = "REDIS_TLS_SERVER_NAME"
	settingSentinelUser     = "REDIS_SENTINEL_USERNAME"
	settingSentinelPassword = "REDIS_SENTINEL_PASSWORD_FILE"
)

// SettingError says in a sentence which setting is to be mended, and how. No
// waiting heals it.
type SettingError struct {
	Setting string // an environment variable
	Problem string
	Err     error // the cause, or nil
}

func (e *SettingError) Error() string {
	text := e.Setting + ": " + e.Problem
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *SettingError) Unwrap() error { return e.Err }

// SettingOf returns the *SettingError in err, nil if there is none.
func SettingOf(err error) *SettingError {
	var setting *SettingError
	errors.As(err, &setting)
	return setting
}
