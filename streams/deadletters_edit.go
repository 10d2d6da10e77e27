package streams

import "context"

// Edit puts a dead letter back on its queue with another body, and reports whether it was
// still there. On a stream, the new entry keeps the origin, the trace context and the source,
// and it counts as replayed. It may be repeated after an error: the letter is put back once,
// and a repetition reports false.
func (d *DeadLetters) Edit(ctx context.Context, id string, body []byte) (bool, error) {
	if body == nil {
		body = []byte{}
	}
	n, err := d.putBack(ctx, body, []string{id})
	return n == 1, err
}
