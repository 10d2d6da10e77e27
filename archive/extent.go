package archive

import "context"

// Extent is how much of a log there is.
type Extent struct {
	Begin, Tail              Manifest // the first manifest entry whose segment is there, and the last one
	Segments, Entries, Bytes int64
}

// Extent returns how much there is, or ErrEmpty. It reads no segment, and asks the bucket a
// number of times that grows with the logarithm of the chain's length.
func (l *Log) Extent(ctx context.Context) (Extent, error) {
	begin, err := l.Begin(ctx)
	if err != nil {
		return Extent{}, err
	}
	tail, err := l.Tail(ctx)
	if err != nil {
		return Extent{}, err
	}
	return Extent{
		Begin: begin, Tail: tail,
		Segments: tail.Number - begin.Number + 1,
		Entries:  tail.TotalCount - begin.TotalCount + begin.Count,
		Bytes:    tail.TotalBytes - begin.TotalBytes + begin.Bytes,
	}, nil
}
