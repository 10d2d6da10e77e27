package crash_test

import "fmt"

// step is a command of the pipeline to one of its servers. A process that dies
// between two steps leaves the same state as one that dies in the second before
// the command is executed, so the modes of all steps cover all boundaries.
type step string

const (
	nowhere    step = "nowhere"
	open       step = "open"
	claim      step = "claim"
	fetch      step = "fetch"
	read       step = "read"
	judge      step = "judge"
	insert     step = "insert"
	lookup     step = "lookup"
	settle     step = "settle"
	extend     step = "extend"
	nack       step = "nack"
	leave      step = "leave"
	move       step = "move"
	trim       step = "trim"
	peek       step = "peek"
	loss       step = "loss"
	quarantine step = "quarantine"
)

// mode is what happens to a step and to the process.
type mode string

const (
	passes     mode = ""
	diesBefore mode = "dies before"
	diesAmid   mode = "dies amid" // half of the documents are inserted
	diesAfter  mode = "dies after"
	lost       mode = "is lost"       // the process continues with an error
	halfLost   mode = "is half lost"  // half of the documents are inserted, the reply says none
	unanswered mode = "gets no reply" // executed, but the process continues with an error
)

// point is where a process is stopped: at the nth command of a step.
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
		{open, 1}, {claim, 1}, {fetch, 1}, {read, 2}, {judge, 2}, {insert, 2}, {lookup, 1}, {settle, 2},
		{extend, 1}, {nack, 1}, {leave, 1}, {move, 1}, {trim, 1},
	}
	for _, s := range []step{peek, loss, quarantine} {
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
	case lookup: // reads only: before and after are the same
		return []mode{diesBefore, lost}
	}
	return []mode{diesBefore, diesAfter, lost, unanswered}
}
