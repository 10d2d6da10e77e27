package limiter

import (
	"errors"
	"fmt"
)

// KeyError says that a customer's key is no sorted set, so that none of the
// customer's records can be judged. Other customers are not affected.
type KeyError struct {
	CustomerID string
	Key        string
}

// Error names the key and what to do about it.
func (e *KeyError) Error() string {
	return fmt.Sprintf("limiter: key %q is no sorted set: delete or rename it", e.Key)
}

// SplitKeyErrors takes the KeyErrors out of an error of Judge. The rest is nil
// if there was nothing else: then all verdicts stand but those of the customers
// named, which have no Decision.
func SplitKeyErrors(err error) (keys []*KeyError, rest error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var others []error
		for _, err := range joined.Unwrap() {
			k, other := SplitKeyErrors(err)
			keys, others = append(keys, k...), append(others, other)
		}
		return keys, errors.Join(others...)
	}
	var key *KeyError
	if errors.As(err, &key) {
		return []*KeyError{key}, nil
	}
	return nil, err
}
