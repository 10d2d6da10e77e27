package streams

const (
	// replyBytes limits the size of a reply if its entries are as large as recent
	// ones are on average.
	replyBytes = 4 << 20
	// worstBytes limits the size of a reply if all its entries are as large as the
	// largest recent one.
	worstBytes = 32 << 20
	// largeEntry is the size from which entries are measured before they are read:
	// with smaller ones no reply gets near worstBytes.
	largeEntry = 64 << 10
)

// maxReserve limits the buffer reserved when a reply begins. A larger reply
// grows it.
const maxReserve = 1 << 20

// sizer adapts the number of entries requested to the size of recent ones, so
// that a reply stays within a few MiB. It is used by one reader.
type sizer struct {
	mean, largest int64 // bytes of recent entries; 0 until something was read
}

// limit is the number of entries to request, at most the given one.
func (s *sizer) limit(most int) int {
	bound := 1 + min(replyBytes/max(s.mean, 1), worstBytes/max(s.largest, 1))
	return int(min(int64(most), bound))
}

// observe learns from a batch and reports whether all its entries are small.
func (s *sizer) observe(batch []Delivery) (small bool) {
	var bytes, largest int64
	for i := range batch {
		size := int64(batch[i].size())
		bytes += size
		largest = max(largest, size)
	}
	return s.note(len(batch), bytes, largest)
}

// note learns from n entries and reports whether all of them are small.
func (s *sizer) note(n int, bytes, largest int64) (small bool) {
	if n == 0 {
		return false
	}
	track(&s.mean, 1+bytes/int64(n))
	track(&s.largest, 1+largest)
	return largest < largeEntry
}

// track raises size to now at once and lowers it slowly.
func track(size *int64, now int64) {
	if *size > now {
		now = (3**size + now) / 4
	}
	*size = now
}
