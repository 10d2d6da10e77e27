package check_test

import (
	"strings"
	"testing"
	"time"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/load"
)

func wantNoViolation(t *testing.T, e *check.Evidence) {
	t.Helper()
	var r check.Report
	check.Check(e, &r)
	for _, kind := range check.Kinds() {
		for _, detail := range r.Details(kind) {
			t.Errorf("%s: %s", kind, detail)
		}
	}
}

// deleted returns a run in which another client deleted the first record's entry
// before it was stored.
func deleted(how check.Taking) *check.Evidence {
	e := evidence()
	e.Documents = e.Documents[1:]
	how.Removed = true
	e.Take(entry(0), how)
	e.Partitions[0].Length--
	e.Partitions[0].Ledger["ingested"]--
	e.Partitions[0].Ledger["missing"] = 1
	return e
}

// returnedTaken returns a run in which the entry that was put back was taken.
func returnedTaken() *check.Evidence {
	e := evidence()
	e.Documents = e.Documents[:4]
	e.Take(load.EntryID{ID: "15001-0"}, check.Taking{Pending: true})
	e.Partitions[0].Ledger["ingested"]--
	e.Partitions[0].Ledger["missing"] = 1
	return e
}

// setBack returns a run in which the group was set back over the bad record, which
// was refused again. That began a new epoch.
func setBack() *check.Evidence {
	e := evidence()
	e.Rewind(0, []load.EntryID{entry(3)}, 1)
	e.Dead = append(e.Dead, e.Dead[0])
	e.Partitions[0].Dead++
	e.Partitions[0].Ledger["dead"]++
	e.Partitions[0].Ledger["epoch"] = 2
	return e
}

func TestInterferenceIsExcused(t *testing.T) {
	for name, e := range map[string]*check.Evidence{
		"an unread entry":                       deleted(check.Taking{Unread: true}),
		"a pending entry":                       deleted(check.Taking{Pending: true}),
		"an entry that was put back":            returnedTaken(),
		"a group set back":                      setBack(),
		"stored, not counted":                   storedAndMissing(),
		"a settled entry":                       settledAndDeleted(),
		"refused while the clock was wrong":     refusedInPeriod(),
		"refused with an ID ahead of the clock": refusedAhead(),
		"limit used twice after a clock step":   twoClocks(2),
		"further fields kept byte for byte":     bytesKept("\xff\x00"),
		"refused, set back, then admitted":      refusedThenStored(5000, 6000),
		"set back over fewer than are missing":  setBackUnnoticed(),
		"set back many times, noticed once":     manySetBacks(2),
		"taken from its worker, place pruned":   withoutPlace(check.Taking{Pending: true}),
	} {
		t.Run(name, func(t *testing.T) { wantNoViolation(t, e) })
	}
}

// setBackUnnoticed returns a run in which an entry is missing, which hides that
// another one was counted twice.
func setBackUnnoticed() *check.Evidence {
	e := storedAndMissing()
	e.Rewind(0, []load.EntryID{entry(3)}, 1)
	return e
}

// withoutPlace returns a run in which another client took the hot customer's first
// entry, and no place of its record was seen.
func withoutPlace(t check.Taking) *check.Evidence {
	e := evidence()
	e.Take(entry(4), t)
	delete(e.Places["hot-0"], load.Place{Member: "id of h0@x.de", At: 5000})
	e.Rule.MaxDelay = time.Second // keeps the refusal of the last entry right
	if t.Removed {
		e.Partitions[0].Length--
	}
	return e
}

// manySetBacks returns a run in which the group was set back many times over an entry,
// while others were missing, and which ended in the given epoch.
func manySetBacks(epoch int64) *check.Evidence {
	e := storedAndMissing()
	for range 5 {
		e.Rewind(0, []load.EntryID{entry(3)}, 0)
	}
	e.Partitions[0].Ledger["epoch"] = epoch
	return e
}

func storedAndMissing() *check.Evidence {
	e := deleted(check.Taking{Pending: true})
	e.Documents = append(e.Documents, evidence().Documents[0])
	return e
}

func settledAndDeleted() *check.Evidence {
	e := evidence()
	e.Take(entry(0), check.Taking{Removed: true})
	e.Partitions[0].Length--
	return e
}

func refusedInPeriod() *check.Evidence {
	e := slotFree()
	e.Clock = []check.Period{{From: 7900, To: 8100}}
	return e
}

func refusedAhead() *check.Evidence {
	e := slotFree()
	ahead := e.Entries[entry(7)]
	ahead.Seen -= 200
	e.Entries[entry(7)] = ahead
	return e
}

// twoClocks returns a run with more places than the limit while the clock stepped.
func twoClocks(more int) *check.Evidence {
	e := evidence()
	for n := range more {
		e.Places["hot-0"][load.Place{Member: string(rune('a' + n)), At: int64(5500 + n)}] = true
	}
	e.Clock = []check.Period{{From: 30_000, To: 31_000, Step: 15_000}}
	return e
}

// slotFree returns a run in which a slot was free for the refused record.
func slotFree() *check.Evidence {
	e := evidence()
	e.Rule.MaxDelay = 8_000_000_000
	return e
}

// bytesKept returns a run whose bad record has two fields, one of them binary.
func bytesKept(kept string) *check.Evidence {
	e := evidence()
	e.Records[3].Field, e.Records[3].Fields = "blob", []string{"blob", e.Records[3].Body, "more", "\xff\x00"}
	e.Dead[0].Fields = []string{"blob", e.Records[3].Body, "more", kept}
	return e
}

// refusedThenStored returns a run in which the second record was refused at one
// time and stored at another.
func refusedThenStored(refused, stored int64) *check.Evidence {
	e := evidence()
	e.Rewind(0, []load.EntryID{entry(1)}, 1)
	e.Documents[1].Ingested = stored
	e.Dead = append(e.Dead, check.DeadLetter{Entry: entry(1), Event: "rate_limited", Data: e.Records[1].Body, At: refused})
	e.Clock = []check.Period{{From: 2000, To: 2000}} // keeps the limit out of this
	e.Partitions[0].Dead++
	e.Partitions[0].Ledger["dead"]++
	e.Partitions[0].Ledger["rate_limited"]++
	e.Partitions[0].Ledger["duplicate"]--
	e.Partitions[0].Ledger["epoch"] = 2
	return e
}

// TestInterferenceExcusesNothingElse goes beyond what other clients excuse.
func TestInterferenceExcusesNothingElse(t *testing.T) {
	for _, c := range []struct {
		name, kind, want string
		e                func() *check.Evidence
	}{
		{"lost after it was settled", check.Lost, "neither stored", func() *check.Evidence { return deleted(check.Taking{}) }},
		{"another record is lost", check.Lost, "neither stored", func() *check.Evidence {
			e := deleted(check.Taking{Unread: true})
			e.Documents = e.Documents[1:]
			return e
		}},
		{"sent twice, taken once, not stored", check.Lost, "neither stored", func() *check.Evidence {
			e := evidence()
			e.Documents = append(e.Documents[:1], e.Documents[2:]...)
			e.Take(entry(1), check.Taking{Pending: true})
			return e
		}},
		{"unread, not missing", check.Unbalanced, "missing, taken", func() *check.Evidence {
			e := deleted(check.Taking{Unread: true})
			e.Partitions[0].Ledger["missing"] = 0
			return e
		}},
		{"more missing than taken", check.Unbalanced, "missing, taken", func() *check.Evidence {
			e := deleted(check.Taking{Pending: true})
			e.Partitions[0].Ledger["missing"] = 2
			return e
		}},
		{"settled, counted as missing", check.Unbalanced, "outcomes", func() *check.Evidence {
			e := storedAndMissing()
			e.Partitions[0].Ledger["ingested"]++
			return e
		}},
		{"more removed than taken", check.Unbalanced, "trimmed - present", func() *check.Evidence {
			e := deleted(check.Taking{Unread: true})
			e.Partitions[0].Length--
			return e
		}},
		{"fewer removed than taken", check.Unbalanced, "trimmed - present", func() *check.Evidence {
			e := deleted(check.Taking{Unread: true})
			e.Partitions[0].Length++
			return e
		}},
		{"set back, no new epoch", check.Unbalanced, "epoch", func() *check.Evidence {
			e := setBack()
			e.Partitions[0].Ledger["epoch"] = 1
			return e
		}},
		{"set back many times, never noticed", check.Unbalanced, "epoch", func() *check.Evidence { return manySetBacks(1) }},
		{"the same ID taken in another partition, without a place", check.OverLimit, "without a place", func() *check.Evidence {
			e := withoutPlace(check.Taking{})
			e.Take(load.EntryID{Partition: 1, ID: entry(4).ID}, check.Taking{Pending: true})
			return e
		}},
		{"taken after it was settled, without a place", check.OverLimit, "without a place", func() *check.Evidence {
			return withoutPlace(check.Taking{Removed: true})
		}},
		{"one epoch too many", check.Unbalanced, "epoch", func() *check.Evidence {
			e := setBack()
			e.Partitions[0].Ledger["epoch"] = 3
			return e
		}},
		{"three dead letters after one rewind", check.Doubled, "two dead letters", func() *check.Evidence {
			e := setBack()
			e.Dead = append(e.Dead, e.Dead[0])
			return e
		}},
		{"two dead letters of another entry", check.Doubled, "two dead letters", func() *check.Evidence {
			e := setBack()
			e.Rewound = map[load.EntryID]int{entry(0): 1}
			return e
		}},
		{"more ingested than documents after a rewind", check.Unbalanced, "documents", func() *check.Evidence {
			e := setBack()
			e.Partitions[0].Ledger["ingested"]++
			return e
		}},
		{"stored, set back, then refused", check.WrongDeath, "was refused", func() *check.Evidence { return refusedThenStored(6000, 5000) }},
		{"more than twice the limit after a clock step", check.OverLimit, "has 3 records", func() *check.Evidence { return twoClocks(3) }},
		{"over the limit long before the clock stepped", check.OverLimit, "has 3 records", func() *check.Evidence {
			e := twoClocks(2)
			e.Clock[0].From += 20_000
			return e
		}},
		{"over the limit after a step shorter than the window", check.OverLimit, "has 3 records", func() *check.Evidence {
			e := twoClocks(2)
			e.Clock[0].Step = e.Rule.Window.Milliseconds()
			return e
		}},
		{"bytes changed", check.Invented, "body", func() *check.Evidence { return bytesKept("\uFFFD\x00") }},
		{"admitted in the past", check.OverLimit, "has a place", func() *check.Evidence {
			e := evidence()
			e.Places["hot-0"][load.Place{Member: "id of h0@x.de", At: 1000}] = true
			return e
		}},
		{"refused while the clock was right", check.WrongDeath, "a slot was free", func() *check.Evidence {
			e := refusedInPeriod()
			e.Clock[0].To = 7950
			return e
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r check.Report
			check.Check(c.e(), &r)
			if got := strings.Join(r.Details(c.kind), "\n"); !strings.Contains(got, c.want) {
				t.Errorf("%s: got %q, want %q", c.kind, got, c.want)
			}
		})
	}
}
