package streams

import "sync/atomic"

// replyBytes is how large a reply of the queue may become, roughly.
const replyBytes = 4 << 20

// sizer adapts the number of entries asked for to their size, so that a reply
// stays within replyBytes. It remembers the mean body size of recent replies.
type sizer struct{ mean atomic.Int64 }

func (s *sizer) limit(max int) int {
	mean := s.mean.Load()
	if mean == 0 {
		return max
	}
	return int(min(int64(max), 1+replyBytes/mean))
}

func (s *sizer) observe(batch []Delivery) {
	if len(batch) == 0 {
		return
	}
	var bytes int64
	for i := range batch {
		bytes += int64(len(batch[i].Body))
	}
	mean := bytes/int64(len(batch)) + 1
	if old := s.mean.Load(); old > mean {
		mean = (3*old + mean) / 4 // forget large bodies slowly
	}
	s.mean.Store(mean)
}
