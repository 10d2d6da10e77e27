package streams

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"ingestion/internal/plural"
)

// source is a stream in a reply and the number of its entries.
type source struct {
	key   string
	count int
}

// decodeEntries decodes a reply of XREADGROUP on one or several streams: the
// deliveries, and in the same order the streams they come from. The deliveries
// share the memory of the reply and keep all of it allocated, unless most of it
// is fields that nobody reads.
func decodeEntries(reply []byte) (batch []Delivery, from []source, err error) {
	r := resp{reply}
	n, err := r.list()
	isMap := len(reply) > 0 && reply[0] == '%' // RESP3; in RESP2 each stream is a pair
	if isMap {
		n /= 2
	}
	for ; err == nil && n > 0; n-- {
		if !isMap {
			err = r.pair()
		}
		if err == nil {
			batch, from, err = r.stream(batch, from)
		}
	}
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("malformed reply: %w", err)
	}
	detach(batch, len(reply))
	return batch, from, nil
}

// decodePopped appends the bodies in a reply of LPOP with a count. On a malformed
// reply it returns those before the fault as well, since Redis no longer has them.
func decodePopped(batch []Delivery, reply []byte) ([]Delivery, error) {
	r := resp{reply}
	n, err := r.list()
	batch = slices.Grow(batch, max(0, min(n, len(r.rest)/len("$0\r\n\r\n"))))
	for ; err == nil && n > 0; n-- {
		var body []byte
		if body, err = r.text(); err == nil {
			batch = append(batch, Delivery{Body: body, Deliveries: 1})
		}
	}
	if err == nil {
		err = r.end()
	}
	return batch, wrap(err, "malformed reply")
}

// maxWaste is the number of bytes of a reply that may stay allocated unused.
const maxWaste = 64 << 10

// detach copies the deliveries out of a reply if they are the smaller part of it.
func detach(batch []Delivery, reply int) {
	used := 0
	for i := range batch {
		used += batch[i].contentSize()
	}
	if reply-used <= max(used, maxWaste) {
		return
	}
	for i := range batch {
		d := &batch[i]
		for _, s := range []*string{&d.ID, &d.Origin, &d.TraceParent, &d.TraceState, &d.Source} {
			*s = strings.Clone(*s)
		}
		d.Body = bytes.Clone(d.Body)
		d.Fields = slices.Clone(d.Fields)
		for i, s := range d.Fields {
			d.Fields[i] = strings.Clone(s)
		}
	}
}

// minEntry is the least number of bytes of an entry in a reply.
const minEntry = len("*2\r\n$3\r\n0-1\r\n_\r\n")

// stream reads the key of a stream and its entries.
func (r *resp) stream(batch []Delivery, from []source) ([]Delivery, []source, error) {
	key, err := r.text()
	if err != nil {
		return nil, nil, err
	}
	n, err := r.list()
	if err != nil {
		return nil, nil, err
	}
	n = max(0, n)
	batch = slices.Grow(batch, min(n, len(r.rest)/minEntry))
	for range n {
		batch = append(batch, Delivery{Deliveries: 1})
		if err := r.entry(&batch[len(batch)-1]); err != nil {
			return nil, nil, err
		}
	}
	return batch, append(from, source{view(key), n}), nil
}

func (r *resp) entry(d *Delivery) error {
	begin := len(r.rest)
	if err := r.pair(); err != nil {
		return err
	}
	id, err := r.text()
	if err != nil {
		return err
	}
	d.ID = view(id)
	d.ArrivedAt = arrival(d.ID)
	n, err := r.list()
	if err != nil {
		return err
	}
	if n > 0 && n%2 != 0 {
		return fmt.Errorf("%s, where names have a value each", plural.Of(n, "string", "strings"))
	}
	start, bodies := *r, 0
	for range n / 2 {
		name, value, err := r.field()
		if err != nil {
			return err
		}
		bodies += d.setField(view(name), value)
	}
	if bodies != 1 {
		d.Body, d.Fields = nil, start.fields(n)
	}
	d.wireBytes = begin - len(r.rest)
	return nil
}

func (r *resp) field() (name, value []byte, err error) {
	if name, err = r.text(); err == nil {
		value, err = r.text()
	}
	return name, value, err
}

// fields reads n strings that are known to be valid. A deleted entry has none.
func (r *resp) fields(n int) []string {
	all := make([]string, 0, max(0, n))
	for range n {
		s, _ := r.text()
		all = append(all, view(s))
	}
	return all
}

// view is a string that shares the memory of b. That is safe because b is never
// modified: a reply is complete before it is decoded, and bodies are read-only.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
