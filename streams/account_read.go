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
	accountScript = redis.NewScript(inspectSource + accountSource)
)

// The limits of what one call of the script reads: it blocks Redis for some ms.
const (
	countEntries = 2000
	countBytes   = 2 << 20
)

// countAttempts is how often a count is started again because entries were deleted.
const countAttempts = 5

// ErrUnsteady means that entries were deleted, or an epoch began, during each attempt to
// count them.
var ErrUnsteady = errors.New("undelivered entries are being deleted faster than they can be counted: try again")

// OwnerError means that the stream's ledger belongs to another service group.
type OwnerError struct{ Key, Group, Owner string }

func (e *OwnerError) Error() string {
	return fmt.Sprintf("the stream %q is accounted for by group %q, not %q: a stream has one service group", e.Key, e.Owner, e.Group)
}

// ReadAccount reads the account of one partition. It is read in one step, so its
// equations hold while workers run.
//
// One figure may take more: if there are thousands of entries both before and
// after the last delivered one, further calls, some ms each, count the rest of
// the undelivered ones. The first call fixes which entries those are: deliveries
// meanwhile do not change their number, and after a deletion among them the
// reading starts again; in the end the error is ErrUnsteady. Other errors come
// from Redis, or are an *OwnerError if the ledger belongs to another group.
// ReadAccount writes nothing, so any program may call it.
func ReadAccount(ctx context.Context, client redis.UniversalClient, key, group string) (*Account, error) {
	r := accountReader{client: client, keys: KeysOf(key), group: group}
	return r.readSteadily(ctx)
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
	epoch  int64 // the only one in which undelivered entries are counted; 0: any
	most   int   // calls to continue a count; 0: no limit
}

// errLongCount means that a count needs too many calls.
var errLongCount = errors.New("there are too many undelivered entries to count them now")

// readSteadily is read, repeated while it is ErrUnsteady.
func (r *accountReader) readSteadily(ctx context.Context) (*Account, error) {
	for range countAttempts {
		account, err := r.read(ctx)
		if !errors.Is(err, ErrUnsteady) {
			return account, wrap(err, "reading the account of %s", r.keys.Main)
		}
	}
	return nil, wrap(ErrUnsteady, "reading the account of %s", r.keys.Main)
}

func (r *accountReader) read(ctx context.Context) (*Account, error) {
	f, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	a, err := f.ownAccount(r.keys.Main, r.group)
	if err != nil {
		return nil, err
	}
	switch undelivered, counted := f.number("undelivered"); {
	case r.epoch != 0 && a.Epoch != r.epoch:
	case counted:
		a.Undelivered = undelivered
	case a.GroupThere:
		a.Undelivered, err = r.continueCount(ctx, f)
	default:
		a.Undelivered = a.Length
	}
	return a, err
}

// continueCount finishes the count that the first look has begun.
func (r *accountReader) continueCount(ctx context.Context, begun facts) (int64, error) {
	n, _ := begun.number("counted")
	upTo, last := begun.text("up_to"), begun.text("last")
	for calls := 0; upTo != ""; calls++ {
		if r.most > 0 && calls == r.most {
			return 0, errLongCount
		}
		f, err := r.look(ctx, upTo, last)
		if err != nil {
			return 0, err
		}
		first := f.text("first")
		passed := first == "" || before(upTo, first)
		if passed || f.deletedByOthers() != begun.deletedByOthers() || f.ledger["epoch"] != begun.ledger["epoch"] {
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
	return newFacts(reply), nil
}

// fieldMoved counts entries that a Migration has moved to a list.
const fieldMoved = "moved"

// facts are the result of the script, and the ledger's fields.
type facts struct {
	found  named
	ledger map[string]string
}

// newFacts decodes two lists of alternating names and values.
func newFacts(reply []any) facts {
	f := facts{found: namedReply(reply[0]), ledger: map[string]string{}}
	fields := texts(reply[1])
	for i := 0; i+1 < len(fields); i += 2 {
		f.ledger[fields[i]] = fields[i+1]
	}
	return f
}

func (f facts) text(name string) string { return f.found.text(name) }

func (f facts) number(name string) (n int64, known bool) {
	n, known = f.found[name].(int64)
	return n, known
}

// deletedByOthers is a number that changes when another client deletes entries.
func (f facts) deletedByOthers() int64 {
	added, _ := f.number("added")
	length, _ := f.number("length")
	trimmed, _ := strconv.ParseInt(f.ledger["trimmed"], 10, 64)
	return added - length - trimmed
}

// ownAccount is account, or an *OwnerError if the ledger belongs to another group.
func (f facts) ownAccount(key, group string) (*Account, error) {
	if owner := f.ledger["group"]; owner != "" && owner != group {
		return nil, &OwnerError{Key: key, Group: group, Owner: owner}
	}
	return f.account(key, group)
}

// account is the account without the number of undelivered entries.
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
	a.Trimmed, a.Missing, a.Returned, a.Moved = l.count("trimmed"), l.count("missing"), l.count("returned"), l.count(fieldMoved)
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
	a.Uncounted = a.StreamThere && !counted && a.Opened() && !a.Unaccounted
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
		l.err = fmt.Errorf("the ledger's field %q is not a number: %q", field, text)
	}
	return n
}

// earlier adds up the previous epochs and collects the rewinds.
func (l *ledgerReader) earlier(a *Account) {
	for n := int64(1); n < a.Epoch; n++ {
		field := func(name string) string { return fmt.Sprintf("epoch:%d:%s", n, name) }
		a.IngestedBefore += l.count(field(record.Ingested.String()))
		a.MissingBefore += l.count(field("missing"))
		a.MovedBefore += l.count(field(fieldMoved))
		a.PutBackBefore += max(0, l.count(field("returned"))) + l.count(field("replayed"))
		a.GoneBefore += max(0, l.count(field("gone")))
		l.rewind(a, n, field("rewound"), field("lost"))
	}
	l.rewind(a, a.Epoch, "rewound", "lost")
}

// kindStream is the kind of a rewind in which the stream itself lost entries, as when
// a replica that lagged behind takes over; otherwise only the group was set back.
const kindStream = "stream"

func (l *ledgerReader) rewind(a *Account, epoch int64, kind, lost string) {
	if l.fields[kind] == "" {
		return
	}
	r := Rewind{Epoch: epoch, WentBack: l.fields[kind] == kindStream}
	r.After, r.Before, _ = strings.Cut(l.fields[lost], " ")
	a.Rewinds = append(a.Rewinds, r)
}
