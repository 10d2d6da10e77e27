package streams

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed archive_read.lua
	archiveReadSource string
	archiveRead       = redis.NewScript(inspectSource + archiveReadSource)
)

const (
	// archivePage is the largest number of entries in a page.
	archivePage = 500
	// archiveStep is the largest number that the script reads, which is slower, and blocks
	// Redis longer.
	archiveStep = 500
	// archiveStepBytes is about how many bytes the script reads.
	archiveStepBytes = 1 << 20
)

// ArchiveEntry is an entry as it came. It shares the memory of its page.
type ArchiveEntry struct {
	ID     string
	Fields []string // alternating names and values, any bytes
}

// ArchivePage is what Read returns.
type ArchivePage struct {
	Entries []ArchiveEntry
	// End means that the stream had no entry after these when they were read. Only then
	// the rest is known, as of that moment.
	End   bool
	Added int64  // entries ever added to the stream; negative if Redis does not tell
	Last  string // the last ID ever added to the stream; "0-0" if there is none
}

// Read returns the entries after an ID, in their order, without waiting for any: about
// maxBytes at most, but at least one if there is one. What it returns is never modified.
func (a *Archive) Read(ctx context.Context, after string, maxBytes int) (ArchivePage, error) {
	page, err := a.read(ctx, after, maxBytes)
	if err != nil {
		return ArchivePage{}, wrap(err, "reading %s for the archive", a.stream)
	}
	a.reader.noteRead(after, page.Entries)
	return page, nil
}

// read reads in large pages while small entries are waiting, without measuring them. The
// script measures entries before it reads many of them, and tells where the stream ends.
func (a *Archive) read(ctx context.Context, after string, maxBytes int) (page ArchivePage, err error) {
	r := &a.reader
	if r.behind {
		count := r.fitting(maxBytes)
		if page.Entries, err = a.readMany(ctx, after, count); err != nil {
			return page, err
		}
		if r.behind = len(page.Entries) == count && r.observe(page.Entries); len(page.Entries) > 0 {
			return page, nil
		}
	}
	reply, err := redisconn.Run(ctx, a.opts.Client, archiveRead, []string{a.stream}, after, archiveStep, min(maxBytes, archiveStepBytes)).Slice()
	if err != nil {
		return page, err
	}
	if page.Entries, err = ParseEntries(reply[0]); err != nil {
		return page, err
	}
	small := r.observe(page.Entries)
	page.End, page.Added = integer(reply[1]) == 1, -1
	if page.End {
		page.Added, page.Last = integer(reply[2]), orNone(text(reply[3]))
	}
	r.behind = small && len(page.Entries) == archiveStep
	return page, nil
}

// LastID is the greatest possible ID of an entry. Redis refuses an interval that begins after it.
const LastID = "18446744073709551615-18446744073709551615"

// readMany reads entries without copying their contents. A reply that is an error is asked
// for again through the client library, which follows the redirections of a Cluster.
func (a *Archive) readMany(ctx context.Context, after string, count int) ([]ArchiveEntry, error) {
	if after == LastID {
		return nil, nil
	}
	args := []any{"xrange", a.stream, "(" + after, "+", "count", count}
	reply, err := redisconn.Raw(ctx, a.opts.Client, min(a.reader.lastReply, maxReserve), 1, args...)
	if err != nil {
		return nil, err
	}
	if isErrorReply(reply) {
		cmd := redis.NewCmd(ctx, args...)
		_ = a.opts.Client.Process(ctx, cmd) // its error is the command's too
		typed, err := cmd.Result()
		if err != nil {
			return nil, err
		}
		return ParseEntries(typed)
	}
	a.reader.lastReply = len(reply)
	return decodeArchiveEntries(reply)
}

// ParseEntries takes a reply of XRANGE apart that the client library has decoded.
func ParseEntries(reply any) ([]ArchiveEntry, error) {
	list, _ := reply.([]any)
	entries := make([]ArchiveEntry, len(list))
	for i, item := range list {
		pair, _ := item.([]any)
		if len(pair) != 2 {
			return nil, fmt.Errorf("malformed reply: %T instead of an entry", item)
		}
		entries[i] = ArchiveEntry{ID: text(pair[0]), Fields: texts(pair[1])}
	}
	return entries, nil
}

// decodeArchiveEntries decodes a reply of XRANGE. The entries share its memory.
func decodeArchiveEntries(reply []byte) (entries []ArchiveEntry, err error) {
	r := resp{reply}
	n, err := r.list()
	if n = max(0, n); n > 0 {
		entries = make([]ArchiveEntry, 0, min(n, len(r.rest)/minEntry+1))
	}
	for ; err == nil && n > 0; n-- {
		var e ArchiveEntry
		if e, err = r.archiveEntry(); err == nil {
			entries = append(entries, e)
		}
	}
	if err == nil {
		err = r.end()
	}
	return entries, wrap(err, "malformed reply")
}

func (r *resp) archiveEntry() (e ArchiveEntry, err error) {
	if err = r.pair(); err != nil {
		return e, err
	}
	id, err := r.text()
	if err != nil {
		return e, err
	}
	n, err := r.list()
	if err != nil {
		return e, err
	}
	e.ID, e.Fields = view(id), make([]string, 0, max(0, min(n, len(r.rest)/minString)))
	for range n {
		s, err := r.text()
		if err != nil {
			return e, err
		}
		e.Fields = append(e.Fields, view(s))
	}
	return e, nil
}

// minString is the least number of bytes of a string in a reply.
const minString = len("$0\r\n\r\n")

// archiveReader is what reading remembers.
type archiveReader struct {
	behind    bool // many small entries are waiting, as far as is known
	sizer     sizer
	lastReply int // size of the last large page, in bytes

	// What was read since the last commit, to tell Redis how many entries the group passes.
	base  string // the ID to which the group was moved
	reads []archiveRun
}

// archiveRun is a page that follows another one, or base.
type archiveRun struct {
	last  string
	total int64 // entries since base
}

// fitting is how many entries fit into a number of bytes.
func (r *archiveReader) fitting(maxBytes int) int {
	count := r.sizer.limit(archivePage)
	return max(1, min(count, int(int64(maxBytes)/max(r.sizer.mean, 1))))
}

// observe learns the size of entries and reports whether all of them are small.
func (r *archiveReader) observe(entries []ArchiveEntry) bool {
	var bytes, largest int64
	for i := range entries {
		size := int64(len(entries[i].ID))
		for _, s := range entries[i].Fields {
			size += int64(len(s))
		}
		bytes += size
		largest = max(largest, size)
	}
	return r.sizer.note(len(entries), bytes, largest)
}

func (r *archiveReader) noteRead(after string, entries []ArchiveEntry) {
	if len(entries) == 0 {
		return
	}
	total := int64(len(entries))
	if n := len(r.reads); n > 0 && r.reads[n-1].last == after {
		total += r.reads[n-1].total
	} else if after != r.base {
		r.base, r.reads = "", nil
		return
	} else {
		r.reads = nil
	}
	r.reads = append(r.reads, archiveRun{entries[len(entries)-1].ID, total})
}

// countUpTo is how many entries were read from the last commit to an ID; -1 if that is not
// known.
func (r *archiveReader) countUpTo(id string) int64 {
	for _, run := range r.reads {
		if run.last == id {
			return run.total
		}
	}
	return -1
}

func (r *archiveReader) committed(id string) {
	passed := max(r.countUpTo(id), 0)
	r.base = id
	for i, run := range r.reads {
		if run.last == id {
			r.reads = append(r.reads[:0], r.reads[i+1:]...)
			for j := range r.reads {
				r.reads[j].total -= passed
			}
			return
		}
	}
	r.reads = nil
}
