package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// limits runs limits with and without --json, checks both, and returns them.
func (r *traceRig) limits(code int, got any, args ...string) string {
	r.t.Helper()
	args = append([]string{"limits"}, args...)
	text, note := r.result(code, args...)
	wantNarrow(r.t, text)
	if got != nil {
		out := r.run(code, append(args, "--json")...)
		schema.Check(r.t, "ingestctl-limits-"+args[1], []byte(out))
		must(r.t, json.Unmarshal([]byte(out), got))
	}
	return strings.Join(strings.Fields(text+"\n"+note), " ")
}

type limitOf struct {
	CustomerID, Key, Limit string
	Own, Fault             *string
	OwnApplies             bool
}

// A limit that is set applies to the next record, in the customer's partition.
func TestLimitsSetAndUnset(t *testing.T) {
	for _, partitions := range []int{1, 4} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			r := newTraceRig(t, partitions)
			const customer = "Ø 客|{}:*"
			home := record.HomePartition(customer, partitions)
			var got limitOf
			wantWords(t, r.limits(0, &got, "get", customer), "2/60, 2 records in 1m (the default)")
			if got.Key != "{"+r.keys[home]+"}:limits" || got.Own != nil || got.OwnApplies {
				t.Errorf("%+v", got)
			}
			if text := r.limits(2, nil, "set", customer, "1/60"); !strings.Contains(text, "confirm with --yes") {
				t.Error(text)
			}
			var change struct {
				DryRun, Changed bool
				Before, After   limitOf
			}
			wantWords(t, r.limits(0, &change, "set", customer, "1/60", "--dry-run"), "before: 2/60", "would be: 1/60, 1 record in 1m (its own limit)")
			if n := r.client.Exists(t.Context(), got.Key).Val(); n != 0 || change.Changed || !change.DryRun || change.After.Limit != "1/60" {
				t.Errorf("%d keys, %+v", n, change)
			}
			at := time.Now().UnixMilli()
			ask := func(member string) limiter.Decision {
				v, err := r.limiter.Judge(t.Context(), []limiter.Request{{CustomerID: customer, Member: member, At: at}})
				must(t, err)
				return v[0].Decision
			}
			ask("a")
			wantWords(t, r.limits(0, nil, "set", " "+customer, "1/60", "--yes"), "before: 2/60", "now: 1/60")
			if d := ask("b"); d != limiter.Refused {
				t.Errorf("under 1/60 the second record is %s", d)
			}
			r.limits(0, &change, "set", customer, "1/60", "--yes")
			if change.Changed || *change.Before.Own != "1/60" {
				t.Errorf("set again: %+v", change)
			}
			wantWords(t, r.limits(0, nil, "unset", customer, "--yes"), "before: 1/60", "now: 2/60, 2 records in 1m (the default)")
			if d := ask("b"); d != limiter.Admitted {
				t.Errorf("under the default the second record is %s", d)
			}
			r.limits(0, &change, "unset", customer, "--yes")
			if change.Changed || change.After.Own != nil {
				t.Errorf("unset again: %+v", change)
			}
		})
	}
}

func TestLimitsList(t *testing.T) {
	r := newTraceRig(t, 4)
	for customer, limit := range map[string]string{"1": "off", "2": "block", "3": "7/1", "4": "100/60"} {
		r.limits(0, nil, "set", customer, limit, "--yes")
	}
	var got struct {
		Total  int
		Limits []limitOf
	}
	text := r.limits(0, &got, "list")
	wantWords(t, text, "CUSTOMER LIMIT APPLIES 1 off yes 2 block yes 3 7/1 yes 4 100/60 yes 4 customers have limits of their own; all others: 2/60")
	if got.Total != 4 || len(got.Limits) != 4 || got.Limits[2].Limit != "7/1" {
		t.Errorf("%+v", got)
	}
	wantWords(t, r.limits(0, &got, "list", "--limit", "2"), "2 of 4; --limit shows more")

	home := record.HomePartition("5", 4)
	must(t, r.client.HSet(t.Context(), "{"+r.keys[home]+"}:limits", "5", "5 a minute").Err())
	must(t, r.client.HSet(t.Context(), "{"+r.keys[(home+1)%4]+"}:limits", "5", "6/60").Err())
	wantWords(t, r.limits(1, &got, "list"), "5 5 a minute no: it can't be read", "5 6/60 no: wrong partition", "2 limits do not apply")
	var one limitOf
	wantWords(t, r.limits(1, &one, "get", "5"), "5: 2/60", "want limit/windowSec")
	if one.OwnApplies || one.Fault == nil || *one.Own != "5 a minute" {
		t.Errorf("%+v", one)
	}
	r.env = append(r.env, "RATE_LIMIT_LIMIT=0")
	wantWords(t, r.limits(0, &one, "get", "2"), "off, since RATE_LIMIT_LIMIT=0 switches the limiter off; the own limit block does not count")
}

func TestLimitsInListMode(t *testing.T) {
	r := newTraceRig(t, 1)
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=l")
	r.limits(0, nil, "set", "42", "9/60", "--yes")
	if own := r.client.HGet(t.Context(), "{l}:limits", "42").Val(); own != "9/60" {
		t.Errorf("%q", own)
	}
	var got shownWindow
	wantWords(t, r.limits(0, &got, "show", "42"), "9 records in 1m (its own limit)", "a record now: admitted")
	if got.Lately != nil || got.LatelyError != nil {
		t.Errorf("of a list: %+v", got)
	}
	wantWords(t, r.limits(2, nil, "simulate", "42", "9/60"), "a list keeps no arrivals")
}

type shownWindow struct {
	InWindow, Ahead, TotalPlaces int
	Exact                        bool
	Verdict                      *struct {
		Decision string
		At       *string
	}
	Places      []struct{ Waiting bool }
	Refusals    []string
	Lately      *struct{ AtLeast, AtMost int64 }
	LatelyError *string
}

// The window of a customer with room, without, and with reserved places, and what a
// record would meet, which is what one meets.
func TestLimitsShow(t *testing.T) {
	r := newTraceRig(t, 4)
	home := record.HomePartition("42", 4)
	var got shownWindow
	wantWords(t, r.limits(0, &got, "show", "42"), "0 of 2 in the last 1m; 0 kept in all", "a record now: admitted", "no refusal is known")
	r.ingest(home, person("42", 1))
	r.ingest(home, person("42", 2))
	r.settled(home, record.RateLimited, person("42", 3))
	text := r.limits(0, &got, "show", "42")
	wantWords(t, text, "2 of 2 in the last 1m", "a record now: refused; the next place is free at 20", "[----", "admitted", "refused (dead letter)")
	if got.InWindow != 2 || got.Verdict.Decision != "refused" || len(got.Refusals) != 1 || !got.Exact {
		t.Errorf("%+v", got)
	}
	id := r.add(home, person("42", 3))
	if v := r.judge(id, person("42", 3)); v.Decision != limiter.Refused || time.UnixMilli(v.RetryAt).UTC().Format("2006-01-02T15:04:05.000Z") != *got.Verdict.At {
		t.Errorf("the limiter's verdict is %+v, show's was %+v", v, *got.Verdict.At)
	}
	r.env = append(r.env, "RATE_LIMIT_POLICY=defer")
	wantWords(t, r.limits(0, &got, "show", "42"), "a record now: deferred; its place would be at")
	must(t, r.client.Set(t.Context(), "{"+r.keys[home]+"}:limit:42", "x", 0).Err())
	wantWords(t, r.limits(1, nil, "show", "42"), "is not a sorted set")
}

// How often a customer was over its limit lately is told within the bounds of the sketch.
func TestLimitsShowTellsHowOftenACustomerWasOverItsLimit(t *testing.T) {
	r := newTraceRig(t, 1)
	over := func(outcome record.Outcome, customers ...string) {
		for _, c := range customers {
			r.add(0, person(c, 1))
		}
		s := streamstest.All(outcome, streamstest.Receive(t, r.queues[0], len(customers)))
		for i := range s {
			s[i].CustomerID, s[i].Due = customers[i], time.Now().Add(time.Hour)
		}
		_, err := r.queues[0].Settle(t.Context(), s)
		must(t, err)
	}
	show := func(words string, atLeast, atMost int64) {
		t.Helper()
		got := shownWindow{}
		if wantWords(t, r.limits(0, &got, "show", "42"), words); got.Lately == nil || got.Lately.AtLeast != atLeast || got.Lately.AtMost != atMost || got.LatelyError != nil {
			t.Errorf("%s: %+v", words, got)
		}
	}
	awayFromTheHour(t)
	show("lately no record over the limit", 0, 0)
	over(record.RateLimited, "42")
	over(record.Deferred, "42", "42")
	show("lately 3 records over the limit, where an hour counts half", 3, 3)
	for i := range streams.MaxRefused {
		over(record.RateLimited, fmt.Sprint("c", i), fmt.Sprint("c", i), fmt.Sprint("c", i), fmt.Sprint("c", i))
	}
	show("lately at most 4 records over the limit", 0, 4)
	over(record.RateLimited, "42")
	show("lately 1 to 5 records over the limit", 1, 5)

	must(t, r.client.Do(t.Context(), "acl", "setuser", "ada", "on", ">x", "~*", "+@all", "-hgetall").Err())
	r.env = append(r.env, "REDIS_URL=redis://ada:x@"+r.client.Options().Addr)
	var got shownWindow
	wantWords(t, r.limits(0, &got, "show", "42"), "a record now: admitted", "over the limit: reading the customers most refused: the role of this Redis user lacks")
	if got.Lately != nil || got.LatelyError == nil {
		t.Errorf("%+v", got)
	}
}

// awayFromTheHour waits until no full hour, at which the sketch halves its counts, is near.
func awayFromTheHour(t *testing.T) {
	t.Helper()
	env.Eventually(t, time.Minute, func() (bool, string) {
		left := time.Until(time.Now().Truncate(time.Hour).Add(time.Hour))
		return left > 30*time.Second, "the hour is about to end"
	})
}

type simulated struct {
	Arrivals, Invalid, PutBack int64
	Simulated, Current         struct{ Admitted, Refused, Deferred int64 }
	Actual                     struct {
		Ingested             *int64
		DeadLetters, Waiting int64
	}
}

// Ten records at once: another limit, the one that applies, and what is known.
func TestLimitsSimulate(t *testing.T) {
	r := newTraceRig(t, 4)
	home := record.HomePartition("42", 4)
	r.ingest(home, person("42", 0))
	r.ingest(home, person("42", 1))
	for n := 2; n < 9; n++ {
		r.settled(home, record.RateLimited, person("42", n))
	}
	r.settled(home, record.Deferred, person("42", 9))
	r.settled(home, record.Invalid, invalidOf("42"))
	r.push(home, person("43", 1))
	var got simulated
	text := r.limits(0, &got, "simulate", "42", "7/60")
	t.Log(text)
	wantWords(t, text, "Customer 42: 10 valid records", "would have been 7/60 7 3 0 -", "under today's 2/60 2 8 0 -", "what is known 2 7 1",
		"1 record was left out: not valid", "looked at all 12 of "+r.keys[home])
	if *got.Actual.Ingested != 2 || got.Actual.DeadLetters != 7 || got.Actual.Waiting != 1 || got.Invalid != 1 || got.Simulated.Admitted != 7 {
		t.Errorf("%+v", got)
	}
	wantWords(t, r.limits(1, &got, "simulate", "42", "7/60", "--since", "2099-01-01"), "no valid record of customer \"42\" found")
	wantWords(t, r.limits(0, &got, "simulate", "42", "7/60", "--since", "1h", "--scan", "5"), "Customer 42: 3 valid records", "looked at 5 of 12", "--scan looks further")
	r.env = append(r.env, "RATE_LIMIT_POLICY=defer")
	wantWords(t, r.limits(0, &got, "simulate", "42", "1/1"), "would have been 1/1 1 0 9 9s")
	wantWords(t, r.limits(1, &got, "simulate", "nobody", "block"), "no valid record")
}
