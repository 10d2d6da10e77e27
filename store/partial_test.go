package store_test

import (
	"fmt"
	"hash/fnv"
	"testing"

	"ingestion/internal/faulty"
	"ingestion/record"
)

// The tests of this file play a database in partial trouble: it refuses some
// documents, for a while or for ever, and takes the others meanwhile.

// subset refuses the documents whose _id hashes to the first of n parts, as a
// shard in trouble does, each the given number of times or for ever.
func subset(n uint32, code int32, times int) func(faulty.Call) faulty.Fault {
	said := map[string]int{}
	return func(call faulty.Call) (fault faulty.Fault) {
		for i, doc := range call.Documents {
			id := doc.Lookup("_id").StringValue()
			if inSubset(id, n) && (times == 0 || said[id] < times) {
				said[id]++
				fault.WriteErrors = append(fault.WriteErrors, faulty.WriteError{Index: i, Code: code})
			}
		}
		return fault
	}
}

func inSubset(id string, n uint32) bool {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32()%n == 0
}

// TestPartialTroubleRejectsNobody: half of the documents are refused for some
// attempts, whatever the code says.
func TestPartialTroubleRejectsNobody(t *testing.T) {
	for _, code := range []int32{202, 365, 70, 13388, 4293, 16500, 262, 50, 8, 999_999} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, faulty.Options{})
			f.server.Rule("insert", subset(2, code, 10))
			for i, r := range f.insert(t, documents(100)) {
				if r.Outcome == record.Rejected {
					t.Fatalf("document %d is rejected: %s", i, r.Reason)
				}
			}
		})
	}
}
