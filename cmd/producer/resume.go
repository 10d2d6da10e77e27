package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ingestion/producer/file"
)

// resumable adds to an error the line to continue from.
func (p *plan) resumable(ctx context.Context, err error, next int) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("interrupted; continue with --from-line %d", next)
	}
	var refused *file.Refusal
	if errors.As(err, &refused) {
		if refused.Skip > 0 {
			return fmt.Errorf("%w; --skip-lines %d begins there", err, refused.Skip)
		}
		return p.refusal(refused, err)
	}
	var damage *file.Damage
	if errors.As(err, &damage) {
		return p.damaged(err, next)
	}
	var unreadable *file.LineError
	if errors.As(err, &unreadable) {
		return p.unreadable(err, unreadable, next)
	}
	if next == p.file.FromLine {
		return err // nothing was sent: the same command can be repeated
	}
	return fmt.Errorf("%w; continue with --from-line %d", err, next)
}

// unreadable adds to an error what to do about a line that can't be read.
func (p *plan) unreadable(err error, at *file.LineError, next int) error {
	err = p.withHint(err, at.Hint)
	again := "repeat the command"
	if next != p.file.FromLine {
		again = fmt.Sprintf("continue with --from-line %d", next)
	}
	switch {
	case at.Hint == file.HintFromLine:
		return err
	case at.BadRecord:
		return fmt.Errorf("%w; mend it and %s, or skip it with --from-line %d", err, again, at.Line+1)
	case errors.Is(at, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w; once the file is complete, %s", err, again)
	}
	return fmt.Errorf("%w; once that is mended, %s", err, again)
}

// damaged says what to do about a compressed file that is damaged. The damage may be
// anywhere before the place where it is found, also in lines of an earlier load that
// this one continues. So continuing is no help.
func (p *plan) damaged(err error, next int) error {
	sent := "nothing was sent"
	if next > p.file.FromLine && !p.dryRun && p.preview == 0 {
		sent = fmt.Sprintf("the records before line %d were sent, and any of them may be wrong", next)
	}
	return fmt.Errorf("%w; %s; get an intact copy and load all of it: records that are sent again are harmless", err, sent)
}
