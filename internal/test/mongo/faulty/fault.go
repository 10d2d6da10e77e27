package faulty

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Fault is what goes wrong with a command; the zero value is no fault. Several
// fields take effect in the order of declaration.
type Fault struct {
	// Delay is the time before the command is handled.
	Delay time.Duration
	// CutBefore closes the connection; the command is not executed.
	CutBefore bool
	// Code makes the whole command fail, with these labels. If Applied is set,
	// it is executed nevertheless.
	Code    int32
	Labels  []string
	Applied bool
	// WriteErrors refuses single documents of an insert; the others are
	// inserted.
	WriteErrors []WriteError
	// CutAfter closes the connection after the command was executed.
	CutAfter bool
	// Silent executes the command and never replies; the connection stays open.
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

	login *login // of the connection
}

// Script sets the faults of the next commands of a name, one each, in order,
// after those left of earlier scripts.
func (s *Server) Script(command string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[command] = append(s.scripts[command], faults...)
}

// Rule sets a function that returns the fault of each command of a name once
// its scripts are used up; nil removes it. It is called with the server locked
// and must not call the server.
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

// admit counts a command and returns its fault.
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
