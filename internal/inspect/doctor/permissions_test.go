package doctor_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/embedded"
	"ingestion/internal/inspect/doctor"
	"ingestion/internal/test/env"
)

var modes = []string{config.ModeStream, config.ModeList}

// eachList calls look with the commands of each role and mode.
func eachList(t *testing.T, look func(t *testing.T, role doctor.Role, mode string, commands []string)) {
	t.Helper()
	for _, role := range doctor.Roles() {
		for _, mode := range modes {
			if role == doctor.Archiver && mode == config.ModeList {
				continue // a list can't be archived
			}
			t.Run(string(role)+"/"+mode, func(t *testing.T) {
				commands := doctor.Rights(role, mode)
				if len(commands) == 0 {
					t.Fatal("no commands")
				}
				look(t, role, mode, commands)
			})
		}
	}
}

// user is a client whose user has these commands, for keys of the patterns.
func (r *rig) user(commands []string, patterns ...string) *redis.Client {
	r.t.Helper()
	rules := []any{"acl", "setuser", "limited", "reset", "on", "nopass"}
	for _, p := range patterns {
		rules = append(rules, p)
	}
	for _, c := range commands {
		rules = append(rules, "+"+strings.TrimPrefix(c, "?"))
	}
	r.do(rules...)
	client := redis.NewClient(&redis.Options{Addr: r.server.Addr, Username: "limited", Password: "x", MaxRetries: -1, DisableIdentity: true})
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// TestEveryMissingRightIsFound takes each command in turn away from a user, who may or may
// not ask for its rights.
func TestEveryMissingRightIsFound(t *testing.T) {
	shared := newRig(t)
	eachList(t, func(t *testing.T, role doctor.Role, mode string, commands []string) {
		r := shared.sound(t)
		asks := []string{"acl", "multi", "discard"}
		for _, without := range append([]string{""}, commands...) {
			if slices.Contains(asks, strings.TrimPrefix(without, "?")) || without == "?exec" {
				continue // without these, doctor can't ask
			}
			rest := slices.DeleteFunc(slices.Clone(commands), func(c string) bool { return c == without })
			dry, queued, err := doctor.Refused(t.Context(), r.user(append(rest, asks...), "~s*", "~{s*", "~{rebuild:*"), role, mode, "s")
			if want := strings.TrimPrefix(without, "?"); err != nil || dry != want || queued != want {
				t.Errorf("without %q: missing are %q or %q, %v", without, dry, queued, err)
			}
		}
		if role == doctor.Producer {
			return // writes to the queue only
		}
		dry, queued, err := doctor.Refused(t.Context(), r.user(append(commands, asks...), "~s*"), role, mode, "s")
		if err != nil || dry == "" || dry != queued {
			t.Errorf("without a right to {s}: missing are %q or %q, %v", dry, queued, err)
		}
	})
	if n := shared.client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("the checks have left %d keys", n)
	}
}

// TestACommandThatTheServerLacksIsFound looks on a server whose XCLAIM was renamed, as some
// providers do.
func TestACommandThatTheServerLacksIsFound(t *testing.T) {
	server := env.Redis(t, env.WithConfig("rename-command", `XCLAIM ""`))
	dry, queued, err := doctor.Refused(t.Context(), server.Client(t), doctor.Worker, config.ModeStream, "s")
	if err != nil || dry != "xclaim" || queued != "xclaim" {
		t.Errorf("missing are %q or %q, %v", dry, queued, err)
	}
}

// TestTheEmbeddedServersAreExamined expects no errors, and that what they do not say is unknown.
func TestTheEmbeddedServersAreExamined(t *testing.T) {
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	r := newRig(t).sound(t)
	r.vars["REDIS_URL"], r.also = "redis://"+server.Addr(), "redis-version"
	r.want("redis-persistence", none, "does not say whether it keeps its data")
}

// TestAUserWithWhatTheRoleNeedsIsSound runs all checks as such a user, who may not ask for
// its rights. What it can't say is unknown.
func TestAUserWithWhatTheRoleNeedsIsSound(t *testing.T) {
	shared := newRig(t)
	for _, mode := range modes {
		for _, role := range []doctor.Role{doctor.Worker, doctor.Operator} {
			t.Run(string(role)+"/"+mode, func(t *testing.T) {
				r := shared.sound(t)
				r.user(append(doctor.Rights(role, mode), "multi", "discard"), "~s*", "~{s*", "~q*", "~{q*", "~{rebuild:*")
				r.vars["QUEUE_MODE"], r.vars["REDIS_URL"] = mode, "redis://limited:x@"+r.server.Addr
				r.opts.Role = role
				if role == doctor.Worker { // which has no business with HSCAN either
					r.also = "customer-limits"
				}
				r.want("redis-fsync", none, "CONFIG") // which shows passwords
			})
		}
	}
}

// TestTheRightsAreDocumented compares them with docs/operations.md.
func TestTheRightsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operations.md")
	must(t, err)
	names := map[doctor.Role]string{doctor.Worker: "a worker", doctor.Producer: "a producer", doctor.Operator: "`ingestctl`", doctor.Viewer: "the console", doctor.Archiver: "an archiver"}
	eachList(t, func(t *testing.T, role doctor.Role, mode string, commands []string) {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(names[role]+", "+mode+" mode") + ` \| (.*) \|$`).FindSubmatch(page)
		if row == nil {
			t.Fatal("not documented")
		}
		documented := strings.Fields(strings.ReplaceAll(string(row[1]), "`", ""))
		for i, c := range commands {
			commands[i] = strings.TrimPrefix(c, "?")
		}
		slices.Sort(commands)
		slices.Sort(documented)
		if !slices.Equal(commands, documented) {
			t.Errorf("the code needs   %q\ndocumented are %q", commands, documented)
		}
	})
}
