package streams

const (
	// replyBytes is how large a reply of the queue becomes on average, at most.
	replyBytes = 4 << 20
	// worstBytes is how large it becomes if all entries in it are as large as the
	// largest recent one.
	worstBytes = 32 << 20
	// firstCount is how many entries are asked for while their size is unknown.
	firstCount = 8
)

// sizer adapts the number of entries asked for to their size. It starts low,
// doubles while replies are full of small entries, and falls at once to what
// recent entries allow. It is used by one reader.
type sizer struct {
	mean, largest int64 // bytes of recent entries
	count         int64 // entries that may be asked for; 0 at the start
}

func (s *sizer) limit(most int) int {
	return int(min(int64(most), max(s.count, firstCount), s.bound()))
}

// bound is what the sizes of recent entries allow.
func (s *sizer) bound() int64 {
	return 1 + min(replyBytes/max(s.mean, 1), worstBytes/max(s.largest, 1))
}

// observe learns from a reply for which asked entries had been asked.
func (s *sizer) observe(batch []Delivery, asked int) {
	if len(batch) == 0 {
		return
	}
	var bytes, largest int64
	for i := range batch {
		size := int64(batch[i].size())
		bytes += size
		largest = max(largest, size)
	}
	remember(&s.mean, bytes/int64(len(batch)))
	remember(&s.largest, largest)
	if len(batch) >= asked {
		s.count = min(max(s.count, 2*int64(asked)), s.bound())
	}
}

// remember rises at once and falls slowly.
func remember(size *int64, now int64) {
	if *size > now {
		now = (3**size + now) / 4
	}
	*size = now
}
