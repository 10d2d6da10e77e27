package streams_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// operation runs a script in a state in which the script does everything it can.
type operation struct {
	prepare func(*rig) (act func(redis.UniversalClient) error)
	never   []string // commands of the script that this state does not reach
}

// operations by the script that they run.
var operations = map[string]operation{
	"stream_settle":      {prepare: toSettle, never: []string{"xdel"}}, // but for the archive
	"upkeep_move":        {prepare: toMove},
	"deadletters_replay": {prepare: toReplay, never: []string{"rpush"}},
	"deadletters_purge":  {prepare: toPurge},
	"upkeep_trim":        {prepare: toTrim},
	"ledger_loss":        {prepare: toDetectLosses, never: []string{"xack"}},
	"stream_leave":       {prepare: toLeave},
	"stream_nack":        {prepare: toNack},
	"stream_extend":      {prepare: toExtend},
	"stream_claim":       {prepare: toClaim},
	"stream_fetch":       {prepare: toClaim},
	"stream_quarantine":  {prepare: toAttempt},
	"ledger_open":        {prepare: toOpen},
	"list_once":          {prepare: toBury},
	"control_pause":      {prepare: toPause},
	"workers":            {prepare: toRegister},
	"workers_forget":     {prepare: toForget},
	"control_resume":     {prepare: toResume},
	"migrate_to_stream":  {prepare: toMigrate(func(ctx context.Context, m *streams.Migration, _ []string) (int, error) { return m.ToStream(ctx, 100) })},
	"migrate_to_list": {prepare: toMigrate(func(ctx context.Context, m *streams.Migration, last []string) (int, error) {
		return m.ToList(ctx, 100, last)
	}), never: []string{"xadd"}}, // but for the archive
	"layout_record": {prepare: toLayout(0, func(ctx context.Context, client redis.UniversalClient) (streams.Layout, error) {
		return streams.RecordLayout(ctx, client, "s", 3)
	})},
	"layout_begin": {prepare: toLayout(3, func(ctx context.Context, client redis.UniversalClient) (streams.Layout, error) {
		return streams.BeginLayout(ctx, client, "s", 2, 4)
	})},
	"layout_end": {prepare: toLayout(4, func(ctx context.Context, client redis.UniversalClient) (streams.Layout, error) {
		return streams.EndLayout(ctx, client, "s", 4)
	})},
	"archive_lease":    {prepare: toLease},
	"archive_release":  {prepare: toReleaseLease},
	"archive_position": {prepare: toFindPosition},
	"archive_commit":   {prepare: toCommit, never: []string{"xtrim"}}, // but for notes
	"archive_detach":   {prepare: toDetach},
	"drop":             {},                                                                  // part of others
	"history":          {},                                                                  // part of upkeep_trim
	"refused":          {},                                                                  // part of stream_settle
	"archive_notes":    {},                                                                  // part of archive_position and archive_commit
	"outcomes":         {},                                                                  // part of others
	"list":             {prepare: toReplayList, never: []string{"xadd", "hset", "hincrby"}}, // deadletters_replay.lua too
}

// TestARefusedCommandLeavesNothingHalfDone refuses each command of each script in
// turn, runs the operation twice without it and then with it: the result must be as if
// the command had never been refused.
func TestARefusedCommandLeavesNothingHalfDone(t *testing.T) {
	for _, script := range slices.Sorted(maps.Keys(operations)) {
		if operations[script].prepare == nil {
			continue
		}
		t.Run(script, func(t *testing.T) { leavesNothingHalfDone(t, script, operations[script]) })
		if slices.Contains(parts[script], "outcomes.lua") {
			t.Run(script+", archived", func(t *testing.T) { leavesNothingHalfDone(t, script, archived(operations[script])) })
		}
	}
}

// archived is the operation while an archiver keeps notes of outcomes.
func archived(op operation) operation {
	prepare := op.prepare
	op.prepare = func(b *rig) func(redis.UniversalClient) error {
		for _, key := range []string{"{s}:outcomes", "{s:0}:outcomes", "{s:1}:outcomes"} {
			must(b.t, b.client.XGroupCreateMkStream(b.t.Context(), key, "archive", "0").Err())
		}
		return prepare(b)
	}
	return op
}

func leavesNothingHalfDone(t *testing.T, script string, op operation) {
	b := newRig(t)
	want := b.played(op, "")
	for _, command := range commandsOf(t, script) {
		t.Run(command, func(t *testing.T) {
			b := *b
			b.t = t
			if diff := cmp.Diff(want, b.played(op, command)); diff != "" {
				t.Errorf("after %s was refused (-never refused +ours):\n%s", command, diff)
			}
		})
	}
}

func TestEveryWritingScriptHasAnOperation(t *testing.T) {
	files, err := filepath.Glob("*.lua")
	must(t, err)
	for _, file := range files {
		script := strings.TrimSuffix(filepath.Base(file), ".lua")
		if _, ok := operations[script]; !ok && len(commandsOf(t, script)) > 0 {
			t.Errorf("no operation runs %s", file)
		}
	}
}

// parts are the beginnings of scripts that write.
var parts = map[string][]string{
	"stream_claim": {"drop.lua"}, "stream_fetch": {"drop.lua"}, "stream_quarantine": {"drop.lua"},
	"upkeep_trim": {"history.lua"}, "stream_settle": {"refused.lua", "outcomes.lua"},
	"upkeep_move": {"outcomes.lua"}, "deadletters_replay": {"outcomes.lua"}, "migrate_to_list": {"outcomes.lua"},
}

var (
	aCommand = regexp.MustCompile(`'([A-Z]{3,})'`)
	writing  = "xadd xdel xtrim xack xclaim xautoclaim xgroup hset hsetnx hdel hincrby zadd zrem del unlink set expire pexpire rpush lpop xreadgroup"
)

// commandsOf lists the commands of a script that write.
func commandsOf(t *testing.T, script string) (list []string) {
	t.Helper()
	if script == "list" {
		script = "deadletters_replay"
	}
	source, err := os.ReadFile(script + ".lua")
	must(t, err)
	for _, part := range parts[script] {
		part, err := os.ReadFile(part)
		must(t, err)
		source = append(source, part...)
	}
	for _, match := range aCommand.FindAllStringSubmatch(string(source), -1) {
		command := strings.ToLower(match[1])
		if slices.Contains(strings.Fields(writing), command) && !slices.Contains(list, command) {
			list = append(list, command)
		}
	}
	return list
}

// played returns the state after an operation, before which the operation was run twice
// with a command refused, unless the command is "".
func (b *rig) played(op operation, command string) map[string]any {
	b.t.Helper()
	ctx := b.t.Context()
	must(b.t, b.client.FlushAll(ctx).Err())
	act := op.prepare(b)
	if command != "" {
		b.refused(op, command, act)
	}
	env.Eventually(b.t, soon, func() (bool, string) {
		err := act(b.client)
		return err == nil, fmt.Sprint("with all rights: ", err)
	})
	return b.state()
}

func (b *rig) refused(op operation, command string, act func(redis.UniversalClient) error) {
	b.t.Helper()
	ctx := b.t.Context()
	must(b.t, b.client.Do(ctx, "acl", "setuser", "limited", "reset", "on", "nopass", "~*", "&*", "+@all", "-"+command).Err())
	must(b.t, b.client.Do(ctx, "acl", "log", "reset").Err())
	limited := redis.NewClient(&redis.Options{Addr: b.server.Addr, Username: "limited", Password: "x", Protocol: 2, MaxRetries: -1})
	defer limited.Close()
	for range 2 {
		b.t.Logf("without %s: %v", command, act(limited))
	}
	if log := b.client.Do(ctx, "acl", "log").Val(); len(log.([]any)) == 0 && !slices.Contains(op.never, command) {
		b.t.Errorf("%s was never refused", command)
	}
}

// state is everything in Redis, without IDs and times.
func (b *rig) state() map[string]any {
	b.t.Helper()
	ctx := b.t.Context()
	entries := func(key string) (list []string) {
		for _, e := range b.client.XRange(ctx, key, "-", "+").Val() {
			list = append(list, fmt.Sprint(e.Values["data"], " ", e.Values["event"], " put back: ", e.Values["ingestion:origin"] != nil))
		}
		slices.Sort(list)
		return list
	}
	ledger := b.client.HGetAll(ctx, "{s}:ledger").Val()
	for name, value := range ledger {
		if value == "0" || slices.Contains([]string{"watermark", "again", "since", "legacy", "returning", "returning:next"}, name) || strings.HasPrefix(name, "epoch:") {
			delete(ledger, name)
		}
	}
	pending, _ := b.client.XPending(ctx, "s", "g").Result()
	state := map[string]any{
		"stream": entries("s"), "dead letters": entries("{s}:dead"), "ledger": ledger,
		"list": b.client.LRange(ctx, "q", 0, -1).Val(), "dead letters of the list": entries("{q}:dead"),
		"delayed":  b.client.ZCard(ctx, "{s}:delayed").Val(),
		"payloads": b.client.HLen(ctx, "{s}:delayed:data").Val(),
		"returns":  b.client.HLen(ctx, "{s}:returns").Val(),
		"paused":   b.client.HGet(ctx, "{s}:control", "paused").Val(),
		"suspects": b.client.HVals(ctx, "{s}:suspects").Val(),
		"workers":  b.client.HKeys(ctx, "{s}:workers").Val(),
		"archived": b.client.Exists(ctx, "{s}:archiver").Val(),
		"layout":   b.client.HGetAll(ctx, streams.LayoutKey("s")).Val(),
	}
	for _, g := range b.client.XInfoGroups(ctx, "s").Val() {
		if g.Name == streams.ArchiveGroup {
			state["archive"] = g.LastDeliveredID == "0-0"
		}
	}
	if pending != nil {
		state["pending"] = pending.Count
	}
	state["outcomes"] = append(b.notes("s"), append(b.notes("s:0"), b.notes("s:1")...)...)
	history, err := streams.ReadHistory(ctx, b.client, "s", streams.Hours, time.Time{})
	must(b.t, err)
	state["history"] = sums(history)
	if a, err := streams.ReadAccount(ctx, b.client, "s", "g"); err == nil && a.Opened() {
		state["account"] = a.Verdict()
	}
	return state
}

// notes lists the notes of outcomes, each with the number of its IDs.
func (b *rig) notes(key string) (list []string) {
	for _, e := range b.client.XRange(b.t.Context(), "{"+key+"}:outcomes", "-", "+").Val() {
		for outcome, ids := range e.Values {
			list = append(list, fmt.Sprint(outcome, " ", len(strings.Fields(ids.(string)))))
		}
	}
	slices.Sort(list)
	return list
}

// stream opens a stream with another client.
func (b *rig) stream(client redis.UniversalClient, consumer string, change func(*streams.StreamOptions)) *streams.Stream {
	return b.open(consumer, func(o *streams.StreamOptions) {
		o.PollTimeout = 50 * time.Millisecond
		if change != nil {
			change(o)
		}
		o.Client = client
	})
}

// quarantine makes an entry look as if it had killed its workers.
func (b *rig) quarantine(id string, tries int) {
	b.t.Helper()
	must(b.t, b.client.Do(b.t.Context(), "xclaim", "s", "g", "dead", "0", id, "idle", "1000000", "retrycount", "50").Err())
	must(b.t, b.client.HSet(b.t.Context(), "{s}:suspects", id, tries).Err())
}

func toSettle(b *rig) func(redis.UniversalClient) error {
	most := func(o *streams.StreamOptions) { o.DeadLetters.Max = 2 }
	q := b.stream(b.client, "c", most)
	must(b.t, q.Open(b.t.Context()))
	b.add("data", "kills")
	d := streamstest.Receive(b.t, q, 1)[0]
	b.quarantine(d.ID, streams.MaxAttempts)
	held := streamstest.Receive(b.t, q, 1)
	b.pushMany(5)
	held = append(held, streamstest.Receive(b.t, q, 5)...)
	must(b.t, b.client.HSet(b.t.Context(), "{s}:returns", held[1].ID, "1-1 0", held[2].ID, "1-1 0").Err())
	s := streamstest.All(record.Ingested, held)
	for i, outcome := range []record.Outcome{record.Poisoned, record.Ingested, record.Invalid, record.Deferred, record.Duplicate, record.Malformed} {
		s[i].Outcome, s[i].Due, s[i].CustomerID = outcome, time.Now().Add(time.Hour), "42"
	}
	return func(client redis.UniversalClient) error {
		done, err := b.stream(client, "c", most).Settle(b.t.Context(), s)
		if err == nil {
			err = done.Cause
		}
		return err
	}
}

func toMove(b *rig) func(redis.UniversalClient) error {
	q := b.stream(b.client, "c", nil)
	b.pushMany(5)
	held := streamstest.Receive(b.t, q, 5)
	for i, d := range held {
		b.settle(q, d, record.Deferred, time.UnixMilli(int64(1000+i)))
	}
	must(b.t, b.client.HSet(b.t.Context(), "{s}:delayed:data", held[0].ID, "damage").Err())
	must(b.t, b.client.HDel(b.t.Context(), "{s}:delayed:data", held[1].ID).Err())
	return func(client redis.UniversalClient) error { return b.stream(client, "c", nil).MoveOnce(b.t.Context()) }
}

func (b *rig) deadLetterIDs() []string {
	q := b.stream(b.client, "c", nil)
	must(b.t, q.Open(b.t.Context()))
	b.add("no", "body")
	settleAll(b.t, q, record.Malformed, streamstest.Receive(b.t, q, 1))
	b.writeDeadLetters(q, "one", "two", "three")
	return idsOf(letters(b.t, streams.NewDeadLetters(b.client, "s"), false))
}

func toReplay(b *rig) func(redis.UniversalClient) error {
	ids := b.deadLetterIDs()
	return func(client redis.UniversalClient) error {
		_, err := streams.NewDeadLetters(client, "s").Replay(b.t.Context(), ids[:3])
		return err
	}
}

func toPurge(b *rig) func(redis.UniversalClient) error {
	ids := b.deadLetterIDs()
	return func(client redis.UniversalClient) error {
		_, err := streams.NewDeadLetters(client, "s").Purge(b.t.Context(), ids[:3])
		return err
	}
}

func toReplayList(b *rig) func(redis.UniversalClient) error {
	for _, body := range []string{"one", "two"} {
		must(b.t, b.client.XAdd(b.t.Context(), &redis.XAddArgs{Stream: "{q}:dead", Values: []any{"data", body}}).Err())
	}
	g := streams.NewListDeadLetters(b.client, "q")
	ids := idsOf(letters(b.t, g, false))
	return func(client redis.UniversalClient) error {
		_, err := streams.NewListDeadLetters(client, "q").Replay(b.t.Context(), ids)
		return err
	}
}

// toBury writes dead letters of a list.
func toBury(b *rig) func(redis.UniversalClient) error {
	list := func(client redis.UniversalClient) *streams.List {
		return newList(b.t, streams.ListOptions{
			Client: client, Key: "q", PollTimeout: time.Second, Log: slog.New(slog.DiscardHandler),
			DeadLetters: streams.DeadLetterOptions{On: true, Worker: "w"},
		})
	}
	must(b.t, b.client.RPush(b.t.Context(), "q", "one", "two").Err())
	held := streamstest.Receive(b.t, list(b.client), 2)
	var refused []streams.Settlement
	for i := range held {
		refused = append(refused, streams.Settlement{Delivery: &held[i], Outcome: record.Malformed, Reason: "no"})
	}
	return func(client redis.UniversalClient) error {
		_, err := list(client).Settle(b.t.Context(), refused)
		return err
	}
}

func toTrim(b *rig) func(redis.UniversalClient) error {
	none := func(o *streams.StreamOptions) { o.Retention = 0 }
	q := b.stream(b.client, "c", none)
	b.pushMany(20)
	held := streamstest.Receive(b.t, q, 20)
	settleAll(b.t, q, record.Ingested, held)
	for _, field := range []string{"returning", "returning:next"} {
		must(b.t, b.client.HSet(b.t.Context(), "{s}:ledger", field, "1000 "+held[3].ID).Err())
	}
	return func(client redis.UniversalClient) error { return b.stream(client, "c", none).TrimOnce(b.t.Context()) }
}

func toDetectLosses(b *rig) func(redis.UniversalClient) error {
	q := b.stream(b.client, "c", nil)
	must(b.t, q.Open(b.t.Context()))
	for _, id := range b.pushMany(5) {
		b.delete(id)
	}
	return func(client redis.UniversalClient) error {
		return b.stream(client, "c", nil).DetectLossesOnce(b.t.Context())
	}
}

func toLeave(b *rig) func(redis.UniversalClient) error {
	b.pushMany(1)
	q := b.stream(b.client, "c", nil)
	settleAll(b.t, q, record.Ingested, streamstest.Receive(b.t, q, 1))
	return func(client redis.UniversalClient) error { return b.stream(client, "c", nil).Close(b.t.Context()) }
}

func toNack(b *rig) func(redis.UniversalClient) error {
	rare := func(o *streams.StreamOptions) { o.MaxDeliveries = 2 }
	q := b.stream(b.client, "c", rare)
	b.pushMany(3)
	d := streamstest.Receive(b.t, q, 3)
	b.quarantine(d[0].ID, 0)
	b.quarantine(d[1].ID, 0)
	held := streamstest.Receive(b.t, q, 2)
	held[0], held[1] = try(b.t, q, held[0]), try(b.t, q, try(b.t, q, held[1]))
	held = append(held, d[2])
	return func(client redis.UniversalClient) error {
		return b.stream(client, "c", rare).Nack(b.t.Context(), held)
	}
}

func toExtend(b *rig) func(redis.UniversalClient) error {
	q := b.stream(b.client, "c", nil)
	b.pushMany(3)
	held := streamstest.Receive(b.t, q, 3)
	return func(client redis.UniversalClient) error {
		_, err := b.stream(client, "c", nil).Extend(b.t.Context(), held)
		return err
	}
}

// abandoned leaves entries of a dead worker, some of which no longer exist.
func (b *rig) abandoned(n int) {
	ids := b.pushMany(n)
	streamstest.Receive(b.t, b.stream(b.client, "dead", nil), n)
	for _, id := range ids {
		must(b.t, b.client.Do(b.t.Context(), "xclaim", "s", "g", "dead", "0", id, "idle", "1000000", "retrycount", "1").Err())
	}
	must(b.t, b.client.HSet(b.t.Context(), "{s}:suspects", ids[1], 1).Err())
	b.delete(ids[1])
	b.delete(ids[2])
}

func toClaim(b *rig) func(redis.UniversalClient) error {
	b.abandoned(5)
	full, last := b.stream(b.client, "c", shortLease), b.lastID()
	return func(client redis.UniversalClient) error {
		q := b.stream(client, "c", shortLease)
		got, err := q.Receive(b.t.Context(), 1)
		b.delete(last) // perhaps between claiming and reading
		for b.pending() > 0 && err == nil {
			settleAll(b.t, full, record.Ingested, got)
			got, err = q.Receive(b.t.Context(), 1)
		}
		return err
	}
}

func toAttempt(b *rig) func(redis.UniversalClient) error {
	q := b.stream(b.client, "c", quarantineEarly)
	b.pushMany(2)
	for _, d := range streamstest.Receive(b.t, q, 2) {
		b.quarantine(d.ID, 1)
	}
	quarantined := streamstest.Receive(b.t, q, 2)
	b.delete(quarantined[0].ID)
	return func(client redis.UniversalClient) error {
		q := b.stream(client, "c", quarantineEarly)
		for _, d := range quarantined {
			if _, _, err := q.BeginAttempt(context.WithoutCancel(b.t.Context()), d); err != nil {
				return err
			}
		}
		return nil
	}
}

func toPause(b *rig) func(redis.UniversalClient) error {
	return func(client redis.UniversalClient) error {
		return streams.Pause(b.t.Context(), client, "s", streams.Control{By: "ada"})
	}
}

// toLayout changes a layout while a change to next is in progress, unless next is 0.
func toLayout(next int, change func(context.Context, redis.UniversalClient) (streams.Layout, error)) func(*rig) func(redis.UniversalClient) error {
	return func(b *rig) func(redis.UniversalClient) error {
		if next != 0 {
			_, err := streams.BeginLayout(b.t.Context(), b.client, "s", 2, next)
			must(b.t, err)
		}
		return func(client redis.UniversalClient) error {
			_, err := change(b.t.Context(), client)
			return err
		}
	}
}

// archive returns a function that makes the archive's side for a client.
func (b *rig) archive() func(redis.UniversalClient) *streams.Archive {
	return func(client redis.UniversalClient) *streams.Archive {
		return newArchive(b.t, client, "s", "a", time.Minute)
	}
}

func toLease(b *rig) func(redis.UniversalClient) error {
	archive := b.archive()
	return func(client redis.UniversalClient) error {
		a := archive(client)
		for range 2 { // taken, and renewed
			if _, _, err := a.Lease(b.t.Context()); err != nil {
				must(b.t, b.client.Del(b.t.Context(), "{s}:archiver").Err())
				return err
			}
		}
		return nil
	}
}

func toReleaseLease(b *rig) func(redis.UniversalClient) error {
	archive := b.archive()
	return func(client redis.UniversalClient) error {
		a := archive(client)
		must(b.t, b.client.Del(b.t.Context(), "{s}:archiver").Err())
		if _, _, err := a.Lease(b.t.Context()); err != nil {
			return err
		}
		return a.Release(b.t.Context())
	}
}

func toFindPosition(b *rig) func(redis.UniversalClient) error {
	archive := b.archive()
	return func(client redis.UniversalClient) error {
		_, err := archive(client).Position(b.t.Context())
		return err
	}
}

func toCommit(b *rig) func(redis.UniversalClient) error {
	b.pushMany(3)
	archive, last := b.archive(), b.lastID()
	return func(client redis.UniversalClient) error {
		a := archive(client)
		must(b.t, b.client.Del(b.t.Context(), "{s}:archiver").Err())
		if _, _, err := a.Lease(b.t.Context()); err != nil {
			return err
		}
		return a.Commit(b.t.Context(), last)
	}
}

func toDetach(b *rig) func(redis.UniversalClient) error {
	_, err := b.archive()(b.client).Position(b.t.Context())
	must(b.t, err)
	return func(client redis.UniversalClient) error {
		_, err := streams.DetachArchive(b.t.Context(), client, "s", false)
		return err
	}
}

func toResume(b *rig) func(redis.UniversalClient) error {
	must(b.t, streams.Pause(b.t.Context(), b.client, "s", streams.Control{By: "ada"}))
	return func(client redis.UniversalClient) error {
		_, _, err := streams.Resume(b.t.Context(), client, "s")
		return err
	}
}

func toOpen(b *rig) func(redis.UniversalClient) error {
	q := b.stream(b.client, "c", nil)
	b.pushMany(3)
	settleAll(b.t, q, record.Invalid, streamstest.Receive(b.t, q, 3))
	must(b.t, b.client.HSet(b.t.Context(), "{s}:ledger", "watermark", "0-1").Err())
	must(b.t, b.client.XGroupDestroy(b.t.Context(), "s", "g").Err())
	return func(client redis.UniversalClient) error { return b.stream(client, "c", nil).Open(b.t.Context()) }
}

func (b *rig) registration(client redis.UniversalClient) *streams.Registration {
	b.t.Helper()
	r, err := streams.NewRegistration(client, "s", time.Second, streams.WorkerInfo{Consumer: "c"}, slog.New(slog.DiscardHandler))
	must(b.t, err)
	return r
}

func toRegister(b *rig) func(redis.UniversalClient) error {
	must(b.t, b.client.HSet(b.t.Context(), "{s}:workers", "dead", `{"at":1}`).Err())
	return func(client redis.UniversalClient) error { return b.registration(client).Register(b.t.Context()) }
}

func toForget(b *rig) func(redis.UniversalClient) error {
	must(b.t, b.client.HSet(b.t.Context(), "{s}:workers", "c", "not a worker").Err())
	return func(client redis.UniversalClient) error { return b.registration(client).Leave(b.t.Context()) }
}

// toMigrate moves records between a list and a stream.
func toMigrate(move func(context.Context, *streams.Migration, []string) (int, error)) func(*rig) func(redis.UniversalClient) error {
	return func(b *rig) func(redis.UniversalClient) error {
		m := newMoving(b, 1)
		must(b.t, m.queue(0, "c").Open(b.t.Context()))
		for _, id := range b.pushMany(3) {
			must(b.t, b.client.HSet(b.t.Context(), "{s}:returns", id, "1-1 0").Err())
		}
		must(b.t, b.client.RPush(b.t.Context(), "q", "one", "two").Err())
		last, err := m.migration(b.client).LastEntries(b.t.Context())
		must(b.t, err)
		return func(client redis.UniversalClient) error {
			_, err := move(b.t.Context(), m.migration(client), last)
			return err
		}
	}
}
