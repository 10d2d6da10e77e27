package streams

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// entries are the deliveries in a reply of XREADGROUP, or none. They are parts
// of the reply and keep all of it in memory, unless most of it is fields that
// nobody reads: it must not be changed, and what outlives a batch has to be
// cloned.
func entries(reply []byte) (batch []Delivery, err error) {
	r := resp{reply}
	n, err := r.list()
	inMap := len(reply) > 0 && reply[0] == '%' // RESP3; else a name and its entries are a pair
	if inMap {
		n /= 2
	}
	for ; err == nil && n > 0; n-- {
		if !inMap {
			err = r.pair()
		}
		if err == nil {
			batch, err = r.stream(batch)
		}
	}
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, fmt.Errorf("the reply can't be understood: %w", err)
	}
	detach(batch, len(reply))
	return batch, nil
}

// fewBytes is how many bytes of a reply may be kept for nothing.
const fewBytes = 64 << 10

// detach copies the deliveries out of a reply of which they are the smaller part.
func detach(batch []Delivery, reply int) {
	used := 0
	for i := range batch {
		used += batch[i].content()
	}
	if reply-used <= max(used, fewBytes) {
		return
	}
	for i := range batch {
		d := &batch[i]
		for _, s := range []*string{&d.ID, &d.Origin, &d.TraceParent, &d.TraceState} {
			*s = strings.Clone(*s)
		}
		d.Body = bytes.Clone(d.Body)
		d.Fields = slices.Clone(d.Fields)
		for i, s := range d.Fields {
			d.Fields[i] = strings.Clone(s)
		}
	}
}

// leastEntry is how many bytes an entry takes in a reply, at least.
const leastEntry = len("*2\r\n$3\r\n0-1\r\n_\r\n")

// stream reads the name of a stream and its entries.
func (r *resp) stream(batch []Delivery) ([]Delivery, error) {
	if _, err := r.text(); err != nil {
		return nil, err
	}
	n, err := r.list()
	if err != nil {
		return nil, err
	}
	batch = slices.Grow(batch, max(0, min(n, len(r.rest)/leastEntry)))
	for range max(0, n) {
		batch = append(batch, Delivery{Deliveries: 1})
		if err := r.entry(&batch[len(batch)-1]); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

func (r *resp) entry(d *Delivery) error {
	before := len(r.rest)
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
		return fmt.Errorf("%d strings are no fields with a value each", n)
	}
	start, bodies := *r, 0
	for range n / 2 {
		name, value, err := r.field()
		if err != nil {
			return err
		}
		bodies += d.take(view(name), value)
	}
	if bodies != 1 {
		d.Body, d.Fields = nil, start.fields(n)
	}
	d.taken = before - len(r.rest)
	return nil
}

func (r *resp) field() (name, value []byte, err error) {
	if name, err = r.text(); err == nil {
		value, err = r.text()
	}
	return name, value, err
}

// fields are n strings that can be read. An entry that is gone has none.
func (r *resp) fields(n int) []string {
	all := make([]string, 0, max(0, n))
	for range n {
		s, _ := r.text()
		all = append(all, view(s))
	}
	return all
}

// popped are the deliveries in a reply of LPOP with a count. Those before a fault
// are returned with it, since they are nowhere else any more.
func popped(batch []Delivery, reply []byte) ([]Delivery, error) {
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
	if err != nil {
		err = fmt.Errorf("the reply can't be understood: %w", err)
	}
	return batch, err
}

// view is a string in the memory of b, which is never changed: a reply is
// written once, before it is read, and bodies are not to be written to.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
