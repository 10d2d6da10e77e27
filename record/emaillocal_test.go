package record_test

import (
	"strings"
	"testing"
)

// The mailbox names of RFC 2142, whose case email-validator ignores.
func TestRoleNamesLoseTheirCase(t *testing.T) {
	for _, role := range strings.Fields("info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp") {
		capitals := strings.ToUpper(role)
		for given, want := range map[string]string{
			capitals:       role,
			capitals + "s": capitals + "s",
			"x" + capitals: "x" + capitals,
			capitals + "é": capitals + "é",
		} {
			r, err := decodeWith("email", given+"@example.com")
			if err != nil || r.Email != want+"@example.com" {
				t.Errorf("%s: stored as %q, %v", given, r.Email, err)
			}
		}
	}
}
