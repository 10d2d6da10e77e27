package console_test

import (
	"net/http"
	"strings"
	"testing"

	"ingestion/console"
	"ingestion/internal/test/browser"
)

// With a password, people log in, get to the page they asked for, and log out.
func TestPeopleLogInAndOut(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.options.Auth = console.Auth{User: "ada", Password: "open sesame"}
	r.serve()
	p := browser.Open(t)
	p.Visit(r.url + "dead?customer=initech")
	if strings.Contains(p.Text(), "initech") {
		t.Fatalf("dead letters are shown without a login:\n%s", p.Text())
	}
	t.Run("page", func(t *testing.T) { sound(t, p, p.URL(), "login") })

	p.Fill("#user", "ada")
	p.Fill("#password", "open barley")
	if status := p.Follow("form.login button"); status != http.StatusUnauthorized {
		t.Errorf("a wrong password: status %d", status)
	}
	wants(t, p, "wrong")
	p.Trouble() // the status
	p.Fill("#password", "open sesame")
	p.Follow("form.login button")
	if !strings.HasSuffix(p.URL(), "dead?customer=initech") {
		t.Errorf("the login leads to %s", p.URL())
	}
	wants(t, p, "initech", "ada")
	var readable bool
	p.Eval(`document.cookie.includes('session')`, &readable)
	if readable {
		t.Error("scripts can read the session")
	}
	p.Follow(`form[action$="logout"] button`)
	p.Visit(r.url + "dead")
	if strings.Contains(p.Text(), "initech") {
		t.Error("dead letters are shown after the logout")
	}
}
