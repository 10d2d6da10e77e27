package inspect

import (
	"fmt"
	"strings"
	"time"

	"ingestion/internal/plural"
	"ingestion/limiter"
	"ingestion/record"
)

// LimitWords says what a limit is, and whose.
func LimitWords(l limiter.Limit, own bool) string {
	whose := " (the default)"
	if own {
		whose = " (its own limit)"
	}
	switch l.Mode {
	case limiter.Off:
		return "off" + whose
	case limiter.Block:
		return "block" + whose
	default:
		return fmt.Sprintf("%s in %s%s", plural.Counted(l.Records, "record", "records"), Span(l.Window), whose)
	}
}

// Words say which limit applies and whose it is.
func (l CustomerLimit) Words() string {
	switch {
	case l.Default.Mode == limiter.Off && l.Own != "":
		return "off, since RATE_LIMIT_LIMIT=0 switches the limiter off; the own limit " + l.Own + " does not count"
	case l.Default.Mode == limiter.Off:
		return "off, since RATE_LIMIT_LIMIT=0 switches the limiter off"
	default:
		return l.Limit.String() + ", " + LimitWords(l.Limit, l.Own != "" && l.Fault == nil)
	}
}

// PlacesWords say how many places the customer has.
func (w *CustomerWindow) PlacesWords() string {
	atLeast := ""
	if !w.Exact {
		atLeast = "at least "
	}
	text := fmt.Sprintf("%s%s of %s in the last %s", atLeast, plural.Thousands(w.InWindow), plural.Thousands(w.Limit.Records), Span(w.Limit.Window))
	if w.Ahead > 0 {
		text += fmt.Sprintf(", and %s reserved ahead", plural.Thousands(w.Ahead))
	}
	return text + fmt.Sprintf("; %s kept in all", plural.Thousands(w.Places))
}

// LatelyWords say how often records were over the limit lately; "" for a list.
func (w *CustomerWindow) LatelyWords() string {
	switch l := w.Lately; {
	case w.LatelyErr != nil:
		return "unknown how often its records were over the limit: " + w.LatelyErr.Error()
	case l == nil:
		return ""
	case l.AtMost == 0:
		return "no record over the limit"
	case l.AtLeast == l.AtMost:
		return plural.Counted(l.AtMost, "record", "records") + " over the limit, " + HalvedWords
	case l.AtLeast == 0:
		return fmt.Sprintf("at most %s over the limit, %s", plural.Counted(l.AtMost, "record", "records"), HalvedWords)
	default:
		return fmt.Sprintf("%s to %s over the limit, %s", plural.Thousands(l.AtLeast), plural.Counted(l.AtMost, "record", "records"), HalvedWords)
	}
}

// HalvedWords say how the counts of Lately and Refused become less.
const HalvedWords = "where an hour counts half as much as the next"

// VerdictWords say what a record that arrived now would meet.
func (w *CustomerWindow) VerdictWords() string {
	v := w.Verdict
	in := func(ms int64) string {
		return fmt.Sprintf("at %s, in %s", stamp(time.UnixMilli(ms)), Span(time.Duration(ms-w.Now)*time.Millisecond))
	}
	switch {
	case !w.Known:
		return fmt.Sprintf("unknown, since only %s of %s places were read", plural.Thousands(len(w.Around)), plural.Thousands(w.Places))
	case v.Decision == limiter.Admitted:
		return "admitted"
	case v.Decision == limiter.Reserved:
		return "deferred; its place would be " + in(v.Place)
	case v.RetryAt > 0:
		return "refused; the next place is free " + in(v.RetryAt)
	default:
		return "refused, as any record of this customer"
	}
}

// Words say how far a scan has looked, and how to look further unless that is ""; nothing
// if there was nothing.
func (l Looked) Words(further string) string {
	switch {
	case l.Total == 0 && l.Seen == 0:
		return ""
	case l.All():
		return fmt.Sprintf("looked at all %s of %s", plural.Thousands(l.Seen), l.Place)
	}
	text := fmt.Sprintf("looked at %s of %s in %s", plural.Thousands(l.Seen), plural.Thousands(l.Total), l.Place)
	if !l.Back.IsZero() {
		text += ", back to " + l.Back.UTC().Format(time.DateTime)
	}
	switch {
	case l.Interrupted:
		return text + ": interrupted"
	case further == "":
		return text
	default:
		return text + "; " + further + " looks further"
	}
}

// Standing is the state in words.
func (w *Way) Standing() string {
	text := strings.ToUpper(string(w.State))
	if w.Outcome != 0 && w.Outcome.String() != string(w.State) && w.Outcome != record.Deferred {
		text += " (" + w.Outcome.String() + ")"
	}
	if w.Conflict {
		text += ", a conflict"
	}
	switch {
	case w.Certainty == Likely:
		text = "probably " + text
	case w.Certainty == Unproven && w.Found():
		text = "perhaps " + text
	}
	return text
}

// SlotWords say where the record's place in its customer's window is; "" if there is nothing
// to be said.
func (w *Way) SlotWords() string {
	switch s := w.Slot; {
	case w.SlotErr != nil:
		return "unknown: " + w.SlotErr.Error()
	case s == nil:
		return ""
	case s.Limit.Mode == limiter.Off:
		return "this customer is not limited"
	case s.At.IsZero():
		return LimitWords(s.Limit, s.Own) + "; the record has no place in it"
	default:
		return fmt.Sprintf("%s; place at %s, %s", LimitWords(s.Limit, s.Own), stamp(s.At), s.ordinal())
	}
}

func (s *Slot) ordinal() string {
	if s.Limit.Mode != limiter.Windowed {
		return plural.Counted(s.Places, "place", "places") + " in all"
	}
	text := fmt.Sprintf("number %s of %s in the %s up to there", plural.Thousands(s.Number), plural.Thousands(s.Limit.Records), Span(s.Limit.Window))
	if !s.Exact {
		text = "at least " + text
	}
	if s.Waiting {
		text += ", which lies ahead"
	}
	return text
}

// When is the time of a step in words.
func (s Step) When() string {
	if !s.At.IsZero() {
		return stamp(s.At)
	}
	switch s.State {
	case "", StateSettled, StateDropped, StateDuplicate, StateMissing:
		return "at some time"
	default:
		return "now"
	}
}

// Words are the text of a step, after its state.
func (s Step) Words() string {
	if s.State == "" || strings.HasPrefix(s.Text, string(s.State)) {
		return s.Text
	}
	return string(s.State) + ": " + s.Text
}
