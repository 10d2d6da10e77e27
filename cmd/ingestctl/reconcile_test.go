package main_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ingestion/internal/embedded"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func TestBalancedAccountAsTextAndJSON(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Ingested, "1", "2", "3")
	r.settle(0, record.Invalid, "4", "5")
	r.settle(0, record.Deferred, "6")
	r.push(0, "7")
	streamstest.Receive(t, r.queues[0], 1)
	r.push(0, "8")
	table := r.run(0, "reconcile")
	t.Logf("\n%s", table)
	wantWords(t, table, "Account of s, group g, 1 partition, epoch 1", "balanced", "8 = 8", "the oldest arrived", "2 written, 0 replayed, 0 purged")
	for row, n := range map[string]int{"added": 8, "- undelivered": 1, "- pending": 1, "- ingested": 3, "- validation_failed": 2, "- deferred": 1, "delayed": 1, "dead letters": 2, "on the stream": 8} {
		wantRow(t, table, row, n)
	}
	got := r.reconcile(0)
	if got.Verdict != "balanced" || *got.Total.Added != 8 || got.Total.Outcomes["ingested"] != 3 || got.Total.Delayed != 1 || *got.Total.Gone != 0 ||
		*got.Total.DeadLetters.Written != 2 || len(got.Partitions) != 1 || got.Partitions[0].Key != "s" || len(got.Faults) != 0 || got.Documents != nil {
		t.Errorf("%+v", got)
	}
}

func wantRow(t *testing.T, table, name string, n int) {
	t.Helper()
	for line := range strings.SplitSeq(table, "\n") {
		rest, ok := strings.CutPrefix(line, "  "+name+" ")
		if fields := strings.Fields(rest); ok && len(fields) > 0 && fields[0] == fmt.Sprint(n) {
			return
		}
	}
	t.Errorf("no row %q with %d in:\n%s", name, n, table)
}

func TestUnbalancedPartitionsExitWithOne(t *testing.T) {
	r := newRig(t, 3)
	for p := range 3 {
		r.settle(p, record.Ingested, "1", "2")
	}
	// Opposite differences, which cancel out in the sum.
	must(t, r.client.HIncrBy(t.Context(), "{s:1}:ledger", "ingested", 2).Err())
	must(t, r.client.HIncrBy(t.Context(), "{s:2}:ledger", "ingested", -2).Err())
	table, failure := r.result(1, "reconcile")
	t.Logf("\n%s\n%s", table, failure)
	wantWords(t, table, "WRONG: s:1: 2 more outcomes than entries", "WRONG: s:2: 2 entries are missing and not counted as such yet", "unbalanced", "OK ", "3 partitions", "not in every partition")
	wantWords(t, failure, "does not balance: 2 faults")
	got := r.reconcile(1)
	if got.Verdict != "unbalanced" || len(got.Faults) != 2 || got.Faults[0].Partition != "s:1" ||
		got.Partitions[0].Verdict != "balanced" || got.Partitions[1].Verdict != "unbalanced" || got.Total.Verdict != "unbalanced" {
		t.Errorf("%+v", got)
	}
}

// Entries deleted by other clients do not unbalance the account. If records are
// missing, the exit code is 3.
func TestEntriesDeletedByOtherClients(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Ingested, "1", "2")
	first, err := r.client.XRange(t.Context(), "s", "-", "+").Result()
	must(t, err)
	must(t, r.client.XDel(t.Context(), "s", first[0].ID).Err())
	wantWords(t, r.run(0, "reconcile"), "note: s: 1 entry was deleted", "all of them are settled", "2 = 2", "balanced")

	r.push(0, "3", "4")
	must(t, r.client.XTrimMaxLen(t.Context(), "s", 1).Err())
	table, failure := r.result(1, "reconcile") // no worker has counted it yet
	wantWords(t, table, "WRONG: s: 1 entry is missing and not counted")
	wantWords(t, failure, "missing")
	r.maintain(0)
	r.settleNext(0, record.Ingested, 1)
	table, failure = r.result(3, "reconcile")
	wantWords(t, table, "MISSING: s: 1 entry is without an outcome", "balanced")
	wantWords(t, failure, "balances, with 1 record missing")
	if got := r.reconcile(3, "--wait"); got.Verdict != "balanced" || len(got.Faults) > 0 || len(got.Losses) != 1 {
		t.Errorf("%+v", got)
	}
}

// maintain runs maintenance until it has counted a missing entry.
func (r *rig) maintain(p int) {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.queues[p].Maintain(ctx) }()
	env.Eventually(r.t, soon, func() (bool, string) {
		n := r.client.HGet(ctx, "{"+r.keys[p]+"}:ledger", "missing").Val()
		return n != "" && n != "0", "no entry is counted as missing"
	})
	stop()
	<-done
}

// After the group was set back, the counts are of a new epoch, and --documents
// still balances.
func TestGroupSetBackBeginsEpoch(t *testing.T) {
	r := newRig(t, 1)
	server := env.Mongo(t)
	r.env = append(r.env, "MONGO_URI="+server.URI(), "MONGO_DB=db", "MONGO_COLLECTION=c")
	coll := server.Database(t).Client().Database("db").Collection("c")
	for i := range 50 {
		r.push(0, fmt.Sprint(i))
		_, err := coll.InsertOne(t.Context(), map[string]string{"_id": fmt.Sprint(i)})
		must(t, err)
	}
	r.settleNext(0, record.Ingested, 50)
	must(t, r.client.XGroupSetID(t.Context(), "s", "g", "0").Err())
	r.settleNext(0, record.Ingested, 50)
	table := r.run(0, "reconcile", "--wait", "--documents")
	wantWords(t, table, "epoch 2", "note: s: the counts are those of epoch 2: the consumer group had been set back", "50 = 50", "balanced")
}

// After Redis returns to an earlier state, as in a failover, the documents of the
// lost entries are counted separately.
func TestDocumentsOfLostEntries(t *testing.T) {
	r := newRig(t, 2)
	server := env.Mongo(t)
	r.env = append(r.env, "MONGO_URI="+server.URI(), "MONGO_DB=db", "MONGO_COLLECTION=c")
	coll := server.Database(t).Client().Database("db").Collection("c")
	n := 0
	ingest := func(p, records int) {
		for range records {
			customer := 0 // of partition p
			for n++; record.HomePartition(fmt.Sprint(customer), 2) != p; customer++ {
			}
			r.push(p, "record")
			d := streamstest.Receive(t, r.queues[p], 1)
			_, err := r.queues[p].Settle(t.Context(), streamstest.All(record.Ingested, d))
			must(t, err)
			_, err = coll.InsertOne(t.Context(), map[string]string{"_id": fmt.Sprint(n), "customerId": fmt.Sprint(customer), "streamId": d[0].ID})
			must(t, err)
		}
	}
	ingest(0, 5)
	ingest(1, 5)
	stream, ledger := r.client.Dump(t.Context(), "s:0").Val(), r.client.Dump(t.Context(), "{s:0}:ledger").Val()
	ingest(0, 12)
	ingest(1, 6)
	must(t, r.client.RestoreReplace(t.Context(), "s:0", 0, stream).Err())
	must(t, r.client.RestoreReplace(t.Context(), "{s:0}:ledger", 0, ledger).Err())
	wantWords(t, r.run(1, "reconcile", "--documents"), "12 documents are in MongoDB that this ledger does not know of")

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.queues[0].Maintain(ctx) }()
	env.Eventually(t, soon, func() (bool, string) {
		return r.client.HGet(ctx, "{s:0}:ledger", "epoch").Val() == "2", "no new epoch"
	})
	stop()
	<-done
	ingest(0, 3)
	table := r.run(3, "reconcile", "--documents")
	wantWords(t, table, "MISSING: s:0: Redis has lost the entries between", "note: 12 documents are in MongoDB whose entries Redis lost", "Redis had gone back", "balanced")
	_, err := coll.InsertOne(t.Context(), map[string]string{"_id": "foreign"})
	must(t, err)
	for i := range 5 { // together more than the allowance for the earlier epoch
		_, err := coll.InsertOne(t.Context(), map[string]string{"_id": fmt.Sprint("foreign", i)})
		must(t, err)
	}
	got := r.reconcile(1, "--documents")
	if *got.Documents.Lost != 12 || len(got.Faults) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestWrongSettingsExitWithTwo(t *testing.T) {
	r := newRig(t, 2)
	r.env = append(r.env, "STREAM_PARTITIONS=1")
	_, failure := r.result(2, "reconcile")
	wantWords(t, failure, `neither a stream "s"`, "STREAM_PARTITIONS=1", `stream \"s:0\" also exists`)
	r.env = append(r.env, "STREAM_PARTITIONS=2", "STREAM_GROUP=other")
	_, failure = r.result(2, "reconcile")
	wantWords(t, failure, "STREAM_GROUP", `accounted for by group "g"`)
	r.env = append(r.env, "STREAM_GROUP=g", "QUEUE_MODE=list")
	r.run(0, "reconcile") // the stream exists
	r.env = append(r.env, "STREAM_KEY=elsewhere")
	_, failure = r.result(2, "reconcile")
	wantWords(t, failure, "a list has no account")
	r.env = append(r.env, "REDIS_URL=nonsense")
	r.run(2, "reconcile")
	for _, args := range [][]string{{"reconcile", "--no-such-flag"}, {"reconcile", "word"}, {"recon"}, {"reconcile", "--timeout", "0s"}} {
		r.run(2, args...)
	}
}

func TestUnopenedStreamIsUnknown(t *testing.T) {
	r := newRig(t, 1)
	r.push(0, "1")
	must(t, r.client.Del(t.Context(), "{s}:ledger").Err())
	table, failure := r.result(1, "reconcile")
	wantWords(t, table, "no worker has opened the ledger", "- ingested             unknown", "- missing              unknown",
		"0  unknown how many returned to the stream", "0  unknown how many written, replayed, purged", "1  unknown how many trimmed, gone")
	wantWords(t, failure, "unknown whether")
	got := r.reconcile(1)
	if got.Verdict != "unknown" || got.Total.Undelivered != 1 {
		t.Errorf("%+v", got)
	}
	for _, a := range append(got.Partitions, got.Total) {
		wantUnknown(t, a)
	}
}

// wantUnknown checks that nothing is said about what only a ledger counts.
func wantUnknown(t *testing.T, a account) {
	t.Helper()
	d := a.DeadLetters
	for i, n := range []*int64{a.Added, a.Gone, a.Settled, a.Missing, d.Written, d.Replayed, d.Purged} {
		if n != nil {
			t.Errorf("number %d is %d, though it is not known", i, *n)
		}
	}
	if a.Outcomes != nil {
		t.Errorf("outcomes are %v, though they are not known", a.Outcomes)
	}
}

// A sum is unknown if one of its parts is.
func TestATotalWithAnUnopenedPartitionIsUnknown(t *testing.T) {
	r := newRig(t, 2)
	r.settle(0, record.Ingested, "1")
	r.push(1, "2")
	must(t, r.client.Del(t.Context(), "{s:1}:ledger").Err())
	got := r.reconcile(1)
	wantUnknown(t, got.Total)
	wantUnknown(t, got.Partitions[1])
	if first := got.Partitions[0]; first.Verdict != "balanced" || *first.Settled != 1 || got.Total.Undelivered != 1 {
		t.Errorf("%+v", got)
	}
	wantWords(t, r.run(1, "reconcile"), "- ingested             unknown")
	if total := r.status(1, "--json").Total; total.Settled != nil || total.Outcomes != nil {
		t.Errorf("status: %+v", total)
	}
}

func TestDocumentsWithoutALedger(t *testing.T) {
	r := newRig(t, 1)
	server := env.Mongo(t)
	r.env = append(r.env, "MONGO_URI="+server.URI(), "MONGO_DB=db", "MONGO_COLLECTION=c")
	_, err := server.Database(t).Client().Database("db").Collection("c").InsertOne(t.Context(), map[string]string{"_id": "1"})
	must(t, err)
	must(t, r.client.Del(t.Context(), "{s}:ledger").Err())
	got := r.reconcile(1, "--documents")
	if d := got.Documents; got.Verdict != "unknown" || len(got.Faults) > 0 || d.Count != 1 || d.AtLeast != nil || d.AtMost != nil || d.Lost != nil || d.Holds != nil {
		t.Errorf("%+v", got)
	}
	wantWords(t, r.run(1, "reconcile", "--documents"), "documents                    1  unknown how many expected", "UNKNOWN  ingested <= documents")
}

func TestHelp(t *testing.T) {
	r := &rig{t: t}
	wantWords(t, r.run(0), "reconcile", "dead", "STREAM_PARTITIONS", "Exit codes")
	wantWords(t, r.run(0, "reconcile", "--help"), "settlement", "--wait", "--documents", "--json", "--timeout")
	wantWords(t, r.run(0, "dead", "purge", "--help"), "--dry-run", "--yes", "--older-than")
}

func TestWaitEndsWhenAllIsSettled(t *testing.T) {
	r := newRig(t, 2)
	r.settle(0, record.Ingested, "1", "2")
	r.push(1, "3")
	held := streamstest.Receive(t, r.queues[1], 1)
	p := r.start("reconcile", "--wait", "--timeout", "150s")
	env.Eventually(t, soon, func() (bool, string) {
		return strings.Contains(p.Stderr(), "waiting: 0 undelivered, 1 pending, 0 delayed"), p.Stderr()
	})
	select {
	case <-p.Done():
		t.Fatal("--wait ended while an entry was pending")
	default:
	}
	_, err := r.queues[1].Settle(t.Context(), streamstest.All(record.Ingested, held))
	must(t, err)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr())
	}
	wantWords(t, strings.Join(p.Lines(), "\n"), "balanced")
}

// The embedded Redis, like Redis before 7.0, does not count the entries added.
func TestRedisWithoutEntriesAddedIsUnknown(t *testing.T) {
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	r := rigOn(t, server.URL(), 1)
	r.settle(0, record.Ingested, "1")
	r.push(0, "2")
	table, failure := r.result(1, "reconcile")
	wantWords(t, table, "UNKNOWN", "does not count the entries ever added", "the embedded one does not", "unknown how many gone",
		"OK       trimmed + on the stream = all outcomes + pending + undelivered + missing  2 = 2")
	wantWords(t, failure, "unknown whether", "everything else agrees")
	if got := r.reconcile(1); got.Verdict != "unknown" || got.Total.Added != nil || got.Total.Outcomes["ingested"] != 1 || got.Total.Undelivered != 1 {
		t.Errorf("%+v", got)
	}
}

func TestWaitTimesOut(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Deferred, "1")
	table, failure := r.result(1, "reconcile", "--wait", "--timeout", "1s")
	wantWords(t, failure, "not settled after 1s", "0 undelivered, 0 pending, 1 delayed")
	wantWords(t, table, "balanced")
}

func TestDocuments(t *testing.T) {
	r := newRig(t, 1)
	server := env.Mongo(t)
	r.env = append(r.env, "MONGO_URI="+server.URI(), "MONGO_DB=db", "MONGO_COLLECTION=c")
	coll := server.Database(t).Client().Database("db").Collection("c")
	insert := func(ids ...string) {
		for _, id := range ids {
			_, err := coll.InsertOne(t.Context(), map[string]string{"_id": id})
			must(t, err)
		}
	}
	r.settle(0, record.Ingested, "1", "2")
	got := r.reconcile(1, "--documents")
	if d := got.Documents; d == nil || d.Count != 0 || *d.AtLeast != 2 || *d.Holds || len(got.Faults) != 1 {
		t.Errorf("without documents: %+v", got)
	}
	wantWords(t, got.Faults[0].Text, "2 records counted as ingested can't be found")
	insert("1", "2")
	table := r.run(0, "reconcile", "--documents")
	wantWords(t, table, "2 <= 2 <= 2")
	wantRow(t, table, "documents", 2)

	// A third document exists while its entry is still pending.
	r.push(0, "3")
	streamstest.Receive(t, r.queues[0], 1)
	insert("3")
	if d := r.reconcile(0, "--documents").Documents; d.Count != 3 || *d.AtLeast != 2 || *d.AtMost != 3 {
		t.Errorf("with one entry pending: %+v", d)
	}
	insert("4")
	_, failure := r.result(1, "reconcile", "--documents")
	wantWords(t, failure, "1 document is in MongoDB that this ledger does not know of")
	names, err := coll.Indexes().ListSpecifications(t.Context())
	must(t, err)
	if len(names) > 1 {
		t.Errorf("reconcile created indexes: %v", names)
	}
}

// Documents of earlier epochs are expected.
func TestDocumentsOfEarlierEpochs(t *testing.T) {
	before := &streams.Account{Outcomes: map[record.Outcome]int64{record.Ingested: 1}, Epoch: 2, IngestedBefore: 5, Undelivered: 2}
	for count, holds := range map[int64]bool{0: false, 1: true, 8: true, 9: false} {
		if d := streams.CompareDocuments(before, count, 0, before); d.Holds() != holds || (d.Fault() == "") != holds {
			t.Errorf("%d documents: %+v %q", count, d, d.Fault())
		}
	}
}
