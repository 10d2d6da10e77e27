package faulty

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Fault is how one command goes wrong. The zero value means it doesn't. Of
// several fields that are set, they take effect in the order given here.
type Fault struct {
	// Delay is waited before the command is looked at.
	Delay time.Duration
	// CutBefore closes the connection; the command is not carried out.
	CutBefore bool
	// Code makes the command fail as a whole, with these labels. It is carried
	// out all the same if Applied is set.
	Code    int32
	Labels  []string
	Applied bool
	// WriteErrors refuses single documents of an insert; the others go in.
	WriteErrors []WriteError
	// CutAfter closes the connection after the command was carried out.
	CutAfter bool
	// Silent carries the command out and never answers; the connection stays.
	Silent bool
	// WriteConcern is the code of a writeConcernError added to the reply.
	WriteConcern int32
	// Reply, if not nil, is sent in place of the real reply.
	Reply bson.D
}

// WriteError refuses the document at Index of an insert.
type WriteError struct {
	Index      int
	Code       int32
	KeyPattern bson.D // left out where nil
}

// Call is one command as the server received it.
type Call struct {
	Name string   // as in the command, for example "insert"
	N    int      // counts the calls of this name, from 1
	Body bson.Raw // the command; documents of a sequence section are not in it
	// Documents are those of an insert.
	Documents []bson.Raw
}

// Script plans faults for the next commands of a name, one each, in order. What
// is left of an earlier script comes first.
func (s *Server) Script(command string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[command] = append(s.scripts[command], faults...)
}

// Rule decides about each command of a name for which no script is left. It is
// called with the server locked and must not call the server; nil ends it.
func (s *Server) Rule(command string, rule func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules[command] = rule
}

// Behave drops all scripts and rules.
func (s *Server) Behave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.scripts)
	clear(s.rules)
}

// Calls returns the commands of a name received so far; it is empty unless
// Options.Record is set.
func (s *Server) Calls(command string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls[command]...)
}

// Count is the number of commands of a name received so far.
func (s *Server) Count(command string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[command]
}

// admit notes a command and returns the fault planned for it.
func (s *Server) admit(call *Call) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[call.Name]++
	call.N = s.counts[call.Name]
	if s.opts.Record {
		s.calls[call.Name] = append(s.calls[call.Name], *call)
	}
	if script := s.scripts[call.Name]; len(script) > 0 {
		s.scripts[call.Name] = script[1:]
		return script[0]
	}
	if rule := s.rules[call.Name]; rule != nil {
		return rule(*call)
	}
	return Fault{}
}
