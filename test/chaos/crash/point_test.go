package crash_test

import "fmt"

// step is a command of the pipeline to one of its servers. A process that dies
// between two steps leaves the same behind as one that dies in the next before
// it is carried out: so the modes of all steps are all boundaries.
type step string

const (
	nowhere step = "nowhere"
	open    step = "open"
	claim   step = "claim"
	fetch   step = "fetch"
	read    step = "read"
	judge   step = "judge"
	insert  step = "insert"
	lookUp  step = "look-up"
	settle  step = "settle"
	extend  step = "extend"
	nack    step = "nack"
	leave   step = "leave"
	move    step = "move"
	trim    step = "trim"
	peek    step = "peek"
	loss    step = "loss"
	attempt step = "attempt"
)

// mode is what becomes of a step, and of the process.
type mode string

const (
	passes     mode = ""
	diesBefore mode = "dies before"
	diesAmid   mode = "dies amid" // half of the documents are in
	diesAfter  mode = "dies after"
	lost       mode = "is lost"        // the process goes on with an error
	halfLost   mode = "is half lost"   // half of the documents are in, the answer says none
	unanswered mode = "gets no answer" // carried out, and the process goes on with an error
)

// point is where a run is stopped: at the nth command of a step.
type point struct {
	step step
	nth  int
	mode mode
}

func (p point) String() string {
	if p.step == nowhere {
		return "nowhere"
	}
	return fmt.Sprintf("%s %d %s", p.step, p.nth, p.mode)
}

func points() []point {
	list := []point{{step: nowhere}}
	type stops struct {
		step step
		upTo int
	}
	steps := []stops{
		{open, 1}, {claim, 1}, {fetch, 1}, {read, 2}, {judge, 2}, {insert, 2}, {lookUp, 1}, {settle, 2},
		{extend, 1}, {nack, 1}, {leave, 1}, {move, 1}, {trim, 1},
	}
	for _, s := range []step{peek, loss, attempt} {
		if _, there := sources[s]; there {
			steps = append(steps, stops{s, 1})
		}
	}
	for _, s := range steps {
		for nth := 1; nth <= s.upTo; nth++ {
			for _, m := range modesOf(s.step) {
				list = append(list, point{s.step, nth, m})
			}
		}
	}
	return list
}

func modesOf(s step) []mode {
	switch s {
	case insert:
		return []mode{diesBefore, diesAmid, diesAfter, lost, halfLost, unanswered}
	case lookUp: // changes nothing: before and after are the same
		return []mode{diesBefore, lost}
	}
	return []mode{diesBefore, diesAfter, lost, unanswered}
}
