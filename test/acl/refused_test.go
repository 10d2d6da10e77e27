package acl

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// nobodys is what no role may do.
const nobodys = `
	FLUSHALL
	FLUSHDB
	KEYS *
	CONFIG GET requirepass
	CONFIG SET maxmemory 1
	DEBUG SLEEP 0
	SCRIPT FLUSH
	FUNCTION FLUSH
	SHUTDOWN NOSAVE
	SAVE
	BGREWRITEAOF
	MONITOR
	ACL LIST
	ACL SETUSER eve on nopass ~* +@all
	CLIENT LIST
	CLIENT KILL TYPE normal
	REPLICAOF 127.0.0.1 1
	MODULE LIST
	SLOWLOG GET
	SUBSCRIBE c
	PUBLISH c x
	GET other
	SET other x
	DEL other
	TYPE other
	XADD other * a b
	XRANGE other - +
	LPOP other
	XADD S:other * a b
	XADD {S}other * a b
	RENAME S other
	COPY S other
	DUMP S
	RESTORE S 0 x
	EXPIRE S 0
	DEL S
	DEL Q
	UNLINK S
	XDEL S 0-1
	EVAL return{redis.call('GET','other')} 0
	EVAL return{redis.call('GET',KEYS[1])} 1 other
	EVAL return{redis.call('DEL',KEYS[1])} 1 S
	EVAL return{redis.call('FLUSHALL')} 1 S
	EVAL return{redis.call('XDEL',KEYS[1],'0-1')} 1 S`

// theirs is what a role may not do beside that; other roles may.
var theirs = map[string]string{
	"worker": `
		XGROUP DESTROY S audit
		XRANGE {S}:dead - +
		XDEL {S}:dead 0-1
		HSET {S}:limits 1 off
		HSET {S}:control paused 1
		DEL {S}:ledger
		DEL {S}:dead
		LRANGE {S}:audit 0 -1
		LPOP {S}:audit
		SET {S}:archiver me
		XGROUP SETID S ingest-workers $
		RPUSH Q x
		LRANGE Q 0 -1
		SCAN 0
		EVAL return{redis.call('HSET',KEYS[1],'1','off')} 1 {S}:limits`,
	"producer": `
		XGROUP DESTROY S audit
		XRANGE S - +
		XREVRANGE S + -
		XLEN S
		XREAD STREAMS S 0
		XREADGROUP GROUP ingest-workers eve STREAMS S >
		XTRIM S MAXLEN 0
		XADD {S}:dead * a b
		XRANGE {S}:dead - +
		HSET {S}:limits 1 off
		HGETALL {S}:ledger
		HSET {S}:control paused 1
		LPOP Q
		LRANGE Q 0 -1
		EVAL return{1} 0
		EVALSHA x 0
		SCAN 0`,
	"operator": `
		XTRIM S MAXLEN 0
		XACK S ingest-workers 0-1
		XCLAIM S ingest-workers eve 0 0-1
		XADD {S}:dead * a b
		DEL {S}:dead
		DEL {S}:ledger
		ZREM {S}:limit:1 x
		DEL {S}:limit:1
		ZREM {S}:delayed 0-1
		SET {S}:archiver me
		BLPOP Q 1
		EVAL return{redis.call('XTRIM',KEYS[1],'MAXLEN',0)} 1 S`,
	"archiver": `
		XGROUP DESTROY S audit
		XADD S * a b
		XTRIM S MAXLEN 0
		XACK S ingest-workers 0-1
		XREADGROUP GROUP ingest-workers eve STREAMS S >
		XGROUP DELCONSUMER S ingest-workers c
		XRANGE {S}:dead - +
		HGETALL {S}:ledger
		HSET {S}:control paused 1
		ZRANGE {S}:limit:1 0 -1
		DEL {S}:outcomes
		TYPE Q
		SCAN 0
		EVAL return{redis.call('XADD',KEYS[1],'*','a','b')} 1 S`,
	"viewer": `
		XGROUP DESTROY S audit
		XADD S * a b
		XTRIM S MAXLEN 0
		XACK S ingest-workers 0-1
		XREADGROUP GROUP ingest-workers eve STREAMS S >
		XGROUP CREATE S eve 0
		XDEL {S}:dead 0-1
		XADD {S}:dead * a b
		HSET {S}:limits 1 off
		HDEL {S}:limits 1
		HSET {S}:control paused 1
		DEL {S}:control
		HSET {S}:ledger ingested 0
		ZADD {S}:limit:1 1 x
		DEL {S}:audit
		LPUSH {S}:audit x
		LTRIM {S}:audit 1 0
		SET {S}:archiver me
		RPUSH Q x
		LPOP Q
		BLPOP Q 1
		SCAN 0
		EVAL return{redis.call('XADD',KEYS[1],'*','a','b')} 1 S
		EVAL return{redis.call('HSET',KEYS[1],'paused',1)} 1 {S}:control`,
}

// TestEachRoleIsRefusedAllElse tries what each role must not do. Everything is in the database,
// so that only the rights are in the way.
func TestEachRoleIsRefusedAllElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, "stream")
	before := r.plantKeys()
	for role, own := range theirs {
		t.Run(role, func(t *testing.T) {
			client := r.client(role)
			for line := range strings.Lines(nobodys + own) {
				words := strings.Fields(strings.NewReplacer("{S}", "{"+streamKey+"}", "Q", queueKey).Replace(line))
				if len(words) == 0 {
					continue
				}
				args := make([]any, len(words))
				for i, w := range words {
					if rest, ok := strings.CutPrefix(w, "S"); ok && (rest == "" || rest[0] == ':') && i > 0 {
						w = streamKey + rest
					}
					args[i] = w
				}
				err := client.Do(t.Context(), args...).Err()
				if err == nil || !denials.MatchString(err.Error()) {
					t.Errorf("%q: %v, want it refused", args, err)
				}
			}
		})
	}
	if after := r.dump(); after != before {
		t.Errorf("the database has changed:\n%s\nwas\n%s", after, before)
	}
}

// plantKeys fills the database, and returns what is in it.
func (r *rig) plantKeys() string {
	r.t.Helper()
	tag := "{" + streamKey + "}"
	for _, command := range []string{
		"SET other secret", "XADD " + streamKey + " 1-1 data x", "XGROUP CREATE " + streamKey + " ingest-workers 0", "XGROUP CREATE " + streamKey + " audit 0",
		"RPUSH " + queueKey + " x", "XADD " + tag + ":dead 1-1 data x", "HSET " + tag + ":limits 1 5/60", "HSET " + tag + ":control by ada",
		"HSET " + tag + ":ledger ingested 1", "ZADD " + tag + ":limit:1 1 x", "ZADD " + tag + ":delayed 1 0-1", "LPUSH " + tag + ":audit x", "XADD " + tag + ":outcomes 1-1 a b",
	} {
		r.do(command)
	}
	return r.dump()
}

func (r *rig) do(command string) any {
	r.t.Helper()
	var args []any
	for word := range strings.FieldsSeq(command) {
		args = append(args, word)
	}
	reply, err := r.admin.Do(r.t.Context(), args...).Result()
	must(r.t, err)
	return reply
}

// dump lists all keys with their serialised values.
func (r *rig) dump() string {
	r.t.Helper()
	var b strings.Builder
	for _, key := range sorted(r.admin.Keys(r.t.Context(), "*").Val()) {
		b.WriteString(key + " " + strings.ToValidUTF8(r.admin.Dump(r.t.Context(), key).Val(), ".") + "\n")
	}
	return b.String()
}

// TestNobodyLogsInWithoutAUser tries it without a name, and as users whose passwords are not set.
func TestNobodyLogsInWithoutAUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, "stream")
	anonymous := redis.NewClient(&redis.Options{Addr: r.redis.Addr, MaxRetries: -1, DisableIdentity: true})
	defer anonymous.Close()
	if err := anonymous.Ping(t.Context()).Err(); !redis.IsAuthError(err) {
		t.Errorf("PING without a name: %v", err)
	}
	asShipped := env.Redis(t, env.WithConfig("include", absolute(t, "../../deploy/redis/users.acl")))
	for _, user := range []string{"default", "admin", "worker", "producer", "operator", "archiver", "viewer"} {
		for _, password := range []string{"", user, "resetpass"} {
			client := redis.NewClient(&redis.Options{Addr: asShipped.Addr, Username: user, Password: password, MaxRetries: -1, DisableIdentity: true})
			if err := client.Ping(t.Context()).Err(); !redis.IsAuthError(err) {
				t.Errorf("PING as %s with %q: %v", user, password, err)
			}
			_ = client.Close()
		}
	}
}

// withinRights is what docs/security.md says that rights do not prevent: Redis has none to the
// options of a command, or to one of a stream's groups.
var withinRights = map[string][]string{
	"worker":   {"XTRIM S MAXLEN 0"},
	"producer": {"XADD S MAXLEN 0 * a b", "XADD S 18446744073709551615-18446744073709551615 a b"},
	"operator": {"XADD S MAXLEN 0 * a b", "XGROUP DESTROY S audit"},
	"archiver": {"XGROUP SETID S ingest-workers $"},
	"viewer":   {"XRANGE S - +"},
}

// TestWhatRightsDoNotPrevent holds the documentation to it, and that the account notices what
// harms others.
func TestWhatRightsDoNotPrevent(t *testing.T) {
	t.Parallel()
	noticed := map[string]string{"producer": "deleted by another client", "archiver": "skipped"}
	for role, lines := range withinRights {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "stream", "MONGO_URI="+env.Mongo(t).URI(), "STREAM_CLAIM_IDLE_MS=500")
			r.run("producer", "producer", 0, []string{"load", r.file(people(20)[:20]...)})
			r.run("worker", "worker", 0, nil, "WORKER_MAX_MESSAGES=5")
			must(t, r.admin.XGroupCreate(t.Context(), streamKey, "audit", "0").Err())
			client := r.client(role)
			for _, line := range lines {
				var args []any
				for word := range strings.FieldsSeq(line) {
					if word == "S" {
						word = streamKey
					}
					args = append(args, word)
				}
				if err := client.Do(t.Context(), args...).Err(); err != nil {
					t.Errorf("%q: %v; say in docs/security.md that it is refused", args, err)
				}
			}
			if want := noticed[role]; want != "" {
				if text := r.ctl(1, "reconcile"); !strings.Contains(text, want) {
					t.Errorf("the account does not say %q:\n%s", want, text)
				}
			}
		})
	}
}

// TestAnEndlessScript shows that whoever may run scripts can keep Redis busy, and how the admin
// ends it.
func TestAnEndlessScript(t *testing.T) {
	t.Parallel()
	r := newRig(t, "stream")
	must(t, r.admin.ConfigSet(t.Context(), "busy-reply-threshold", "50").Err())
	ended := make(chan error, 1)
	viewer := redis.NewClient(&redis.Options{Addr: r.redis.Addr, Username: "viewer", Password: "viewer", MaxRetries: -1, DisableIdentity: true, ReadTimeout: late})
	defer viewer.Close()
	go func() { ended <- viewer.Eval(t.Context(), "while true do end", nil).Err() }()
	env.Eventually(t, soon, func() (bool, string) {
		err := r.admin.Ping(t.Context()).Err()
		return err != nil && strings.HasPrefix(err.Error(), "BUSY"), "Redis is not busy"
	})
	must(t, r.admin.ScriptKill(t.Context()).Err())
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the script ended with %v", err)
	}
	must(t, r.admin.Ping(t.Context()).Err())
}
