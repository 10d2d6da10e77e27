package streams

import "context"

// The chores of Maintain, each done once.

func (s *Stream) MoveOnce(ctx context.Context) error {
	_, err := s.moveDue(ctx)
	return err
}

func (s *Stream) TrimOnce(ctx context.Context) error {
	_, err := s.trim(ctx)
	return err
}

func (s *Stream) DetectLossesOnce(ctx context.Context) error {
	_, err := s.detectLosses(ctx)
	return err
}

// Held is the number of deliveries that are neither settled nor nacked, as far as
// the stream knows.
func (s *Stream) Held() int64 { return s.held.Load() }

func (l *List) CheckLettersOnce(ctx context.Context) { l.checkLetters(ctx) }
