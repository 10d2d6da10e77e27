package streams

const (
	// replyBytes is how large a reply of the queue becomes on average, at most.
	replyBytes = 4 << 20
	// worstBytes is how large it becomes if all entries in it are as large as the
	// largest recent one.
	worstBytes = 32 << 20
	// largeEntry is the size from which on entries are looked at before they are
	// read: with smaller ones no reply gets near worstBytes.
	largeEntry = 64 << 10
)

// mostExpected is how much room for a reply is reserved when it begins; one that
// is larger makes its own.
const mostExpected = 1 << 20

// sizer adapts the number of entries asked for to the size of recent ones, so
// that a reply stays within some MiB. It is used by one reader.
type sizer struct {
	mean, largest int64 // bytes of recent entries; 0 until something was read
}

// limit is how many entries may be asked for, as far as recent ones tell.
func (s *sizer) limit(most int) int {
	bound := 1 + min(replyBytes/max(s.mean, 1), worstBytes/max(s.largest, 1))
	return int(min(int64(most), bound))
}

// observe learns from a reply, and says whether all of it is small.
func (s *sizer) observe(batch []Delivery) (small bool) {
	if len(batch) == 0 {
		return false
	}
	var bytes, largest int64
	for i := range batch {
		size := int64(batch[i].size())
		bytes += size
		largest = max(largest, size)
	}
	remember(&s.mean, 1+bytes/int64(len(batch)))
	remember(&s.largest, 1+largest)
	return largest < largeEntry
}

// remember rises at once and falls slowly.
func remember(size *int64, now int64) {
	if *size > now {
		now = (3**size + now) / 4
	}
	*size = now
}
