package version_test

import (
	"testing"

	"ingestion/internal/version"
)

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		version, than string
		want          bool
	}{
		{"6.2.14", "7.0", true},
		{"7.0", "7.0", false},
		{"7.0.4", "7.0.5", true},
		{"7.0.15", "7.0.5", false},
		{"7", "7.0.5", true},
		{"10.0.1", "7.0.5", false},
		{"7.0.5.1", "7.0.5", false},
		{"", "7.0", true},
		{"7.2-rc1", "7.0", false},
	} {
		if got := version.Older(c.version, c.than); got != c.want {
			t.Errorf("Older(%q, %q) is %v", c.version, c.than, got)
		}
	}
}
