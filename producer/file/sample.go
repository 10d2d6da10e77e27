package file

import (
	"errors"
	"io"
)

// What is read of a file at most before it is accepted.
const (
	sampleRecords = 100
	sampleLines   = 10_000 // blank ones too
	sampleBytes   = 1 << 20
)

// sampled is a source that holds the first records back until they show that not all
// records of the file are doomed.
type sampled struct {
	source
	judges []judge
	from   int
	begun  bool
	held   []heldLine
}

type heldLine struct {
	Line
	err error
}

// judge judges a file by its first records.
type judge interface {
	// add takes a record, until the file is accepted. An error refuses the file.
	add(line Line) (accepted bool, err error)
	// refusal returns a *Refusal if all records are doomed, and nil otherwise. It is
	// called once, after the last record.
	refusal() error
}

// sample returns a source that judges its first records.
func sample(s source, o Options, judges ...judge) source {
	return &sampled{source: s, judges: judges, from: o.FromLine}
}

func (s *sampled) next() (Line, error) {
	if len(s.held) > 0 {
		first := s.held[0]
		s.held = s.held[1:]
		return first.Line, first.err
	}
	line, err := s.source.next()
	if s.begun || err != nil || line.Number < s.from || line.isBlank() {
		return line, err
	}
	s.begun = true
	if err := s.judge(line); err != nil {
		s.held = nil
		return Line{After: line.Number}, err
	}
	return s.next()
}

// judge reads on from the first record. It returns a *Refusal if the file is refused.
func (s *sampled) judge(line Line) error {
	open := append([]judge(nil), s.judges...) // those that have not accepted the file
	var err error
	records := 0
	for size := 0; ; {
		s.held = append(s.held, heldLine{line, err})
		if err == nil && !line.isBlank() {
			if open, err = added(open, line); err != nil {
				return err
			}
			records++
			size += len(line.Raw)
		}
		if len(open) == 0 || records == sampleRecords || len(s.held) == sampleLines || size > sampleBytes || endsReading(err) {
			break
		}
		line, err = s.source.next()
	}
	for _, j := range s.judges {
		// The rest of a file is too short to judge by.
		if refused := j.refusal(); refused != nil && (err != io.EOF || s.from <= 1) {
			return refused
		}
	}
	return nil
}

// added adds a record to judges and returns those that have not accepted the file.
func added(judges []judge, line Line) (open []judge, err error) {
	for _, j := range judges {
		accepted, err := j.add(line)
		if err != nil {
			return nil, err
		}
		if !accepted {
			open = append(open, j)
		}
	}
	return open, nil
}

func endsReading(err error) bool {
	var bad *LineError
	return err != nil && !(errors.As(err, &bad) && bad.BadRecord)
}

// preamble implements what headOf asks of a source.
func (s *sampled) preamble() []byte {
	if p, ok := s.source.(interface{ preamble() []byte }); ok {
		return p.preamble()
	}
	return nil
}
