package streams

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/record"
)

var (
	//go:embed account_read.lua
	accountSource string
	accountScript = redis.NewScript(accountSource)
)

// What one call of the script looks at, at most: it holds Redis for some ms.
const (
	countEntries = 2000
	countBytes   = 2 << 20
)

// countTries is how often a count is begun again that entries were deleted from.
const countTries = 5

// ErrUnsteady says that entries were deleted from under a count, each time.
var ErrUnsteady = errors.New("undelivered entries are being deleted faster than they can be counted: try again")

// ReadAccount reads the account of one partition, all of it in one script, so
// it holds however many workers are at work.
//
// One figure may need more: where there are thousands of entries both before
// and after the last delivered one, the script leaves the rest of the
// undelivered ones to further calls, each some ms long. Which entries those are
// is settled by the first call: their being delivered meanwhile does not change
// their number, and a deletion among them is noticed and the reading begun
// again; at last the error is ErrUnsteady. Other errors are of Redis, or an
// *OwnerError where the ledger is that of another group. It writes nothing and
// may be called from anywhere.
func ReadAccount(ctx context.Context, client redis.UniversalClient, key, group string) (*Account, error) {
	r := accountReader{client: client, keys: KeysOf(key), group: group}
	for range countTries {
		account, err := r.read(ctx)
		if !errors.Is(err, ErrUnsteady) {
			return account, wrap(err, "reading the account of %s", key)
		}
	}
	return nil, wrap(ErrUnsteady, "reading the account of %s", key)
}

// ReadAccounts reads the accounts of several partitions, one after the other.
func ReadAccounts(ctx context.Context, client redis.UniversalClient, keys []string, group string) ([]*Account, error) {
	accounts := make([]*Account, 0, len(keys))
	for _, key := range keys {
		a, err := ReadAccount(ctx, client, key, group)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}

type accountReader struct {
	client redis.UniversalClient
	keys   Keys
	group  string
}

func (r *accountReader) read(ctx context.Context) (*Account, error) {
	f, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	if owner := f.ledger["group"]; owner != "" && owner != r.group {
		return nil, &OwnerError{Key: r.keys.Main, Group: r.group, Owner: owner}
	}
	a, err := f.account(r.keys.Main, r.group)
	if err != nil {
		return nil, err
	}
	switch undelivered, counted := f.number("undelivered"); {
	case counted:
		a.Undelivered = undelivered
	case a.GroupThere:
		a.Undelivered, err = r.countOn(ctx, f)
	default:
		a.Undelivered = a.Length
	}
	return a, err
}

// countOn finishes the count that the first look has begun.
func (r *accountReader) countOn(ctx context.Context, begun facts) (int64, error) {
	n, _ := begun.number("counted")
	upTo, last := begun.text("up_to"), begun.text("last")
	for upTo != "" {
		f, err := r.look(ctx, upTo, last)
		if err != nil {
			return 0, err
		}
		if first := f.text("first"); first == "" || before(upTo, first) || f.deletedByOthers() != begun.deletedByOthers() {
			return 0, ErrUnsteady
		}
		more, _ := f.number("counted")
		n, upTo = n+more, f.text("up_to")
	}
	return n, nil
}

func (r *accountReader) look(ctx context.Context, countFrom ...any) (facts, error) {
	keys := []string{r.keys.Main, r.keys.Dead, r.keys.Delayed, r.keys.Ledger}
	args := append([]any{r.group, countEntries, countBytes}, countFrom...)
	reply, err := redisconn.Run(ctx, r.client, accountScript, keys, args...).Slice()
	if err != nil {
		return facts{}, err
	}
	f := facts{found: map[string]any{}, ledger: map[string]string{}}
	list, _ := reply[0].([]any)
	for i := 0; i+1 < len(list); i += 2 {
		f.found[text(list[i])] = list[i+1]
	}
	fields := texts(reply[1])
	for i := 0; i+1 < len(fields); i += 2 {
		f.ledger[fields[i]] = fields[i+1]
	}
	return f, nil
}

// facts is what the script found, and the ledger's fields.
type facts struct {
	found  map[string]any
	ledger map[string]string
}

func (f facts) text(name string) string { return text(f.found[name]) }

func (f facts) number(name string) (n int64, known bool) {
	n, known = f.found[name].(int64)
	return n, known
}

// deletedByOthers is a number that changes when somebody else deletes entries.
func (f facts) deletedByOthers() int64 {
	added, _ := f.number("added")
	length, _ := f.number("length")
	trimmed, _ := strconv.ParseInt(f.ledger["trimmed"], 10, 64)
	return added - length - trimmed
}

// account is what was found, but for the undelivered entries.
func (f facts) account(key, group string) (*Account, error) {
	a := &Account{
		Key: key, Group: group, Outcomes: map[record.Outcome]int64{},
		FirstEntry: f.text("first"), LastEntry: f.text("last"), LastDelivered: f.text("delivered"),
		OldestPending: f.text("waits"), Watermark: f.ledger["watermark"],
	}
	there, _ := f.number("stream")
	a.StreamThere = there == 1
	a.Pending, a.GroupThere = f.number("pending")
	a.Length, _ = f.number("length")
	a.Delayed, _ = f.number("delayed")
	a.DeadKept, _ = f.number("dead")

	l := ledgerReader{fields: f.ledger}
	a.Epoch = l.count("epoch")
	a.Trimmed, a.Missing, a.Returned = l.count("trimmed"), l.count("missing"), l.count("returned")
	a.DeadWritten, a.DeadReplayed, a.DeadPurged = l.count("dead"), l.count("replayed"), l.count("purged")
	for _, outcome := range record.Outcomes() {
		a.Outcomes[outcome] = l.count(outcome.String())
	}
	l.earlier(a)
	a.Unaccounted = f.ledger["unknown"] != ""
	added, counted := f.number("added")
	if counted && a.Opened() && f.ledger["base"] != "" {
		a.Known, a.Added, a.Base = true, added, l.count("base")
	}
	return a, l.err
}

// ledgerReader reads numbers and keeps the first error.
type ledgerReader struct {
	fields map[string]string
	err    error
}

func (l *ledgerReader) count(field string) int64 {
	text, ok := l.fields[field]
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("the ledger's field %q is no number: %q", field, text)
	}
	return n
}

// earlier sums up the epochs that ended, and says how they did.
func (l *ledgerReader) earlier(a *Account) {
	for n := int64(1); n < a.Epoch; n++ {
		field := func(name string) string { return fmt.Sprintf("epoch:%d:%s", n, name) }
		a.IngestedBefore += l.count(field(record.Ingested.String()))
		a.MissingBefore += l.count(field("missing"))
		a.PutBackBefore += max(0, l.count(field("returned"))) + l.count(field("replayed"))
		a.GoneBefore += max(0, l.count(field("gone")))
		l.rewind(a, n, field("rewound"), field("lost"))
	}
	l.rewind(a, a.Epoch, "rewound", "lost")
}

func (l *ledgerReader) rewind(a *Account, epoch int64, kind, lost string) {
	if l.fields[kind] == "" {
		return
	}
	r := Rewind{Epoch: epoch, WentBack: l.fields[kind] == wentBack}
	r.After, r.Before, _ = strings.Cut(l.fields[lost], " ")
	a.Rewinds = append(a.Rewinds, r)
}

// before says that entry ID a is less than b. Both parts may need 64 bits.
func before(a, b string) bool {
	ams, aseq := splitID(a)
	bms, bseq := splitID(b)
	return ams < bms || (ams == bms && aseq < bseq)
}

func splitID(id string) (ms, seq uint64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(first, 10, 64)
	seq, _ = strconv.ParseUint(second, 10, 64)
	return ms, seq
}
