package limiter

import "fmt"

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
