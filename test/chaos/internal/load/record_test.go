package load_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/record"
	"ingestion/test/chaos/internal/load"
)

func TestMakeIsDeterministic(t *testing.T) {
	if diff := cmp.Diff(load.Make(3, 500, 2), load.Make(3, 500, 2)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(load.Make(3, 500, 2), load.Make(4, 500, 2)) {
		t.Error("another seed makes the same records")
	}
}

// TestDecoderAgrees compares the expected outcomes with those of the decoder. The
// two are independent: if they differed, a chaos run would report violations that
// are none.
func TestDecoderAgrees(t *testing.T) {
	bodies, kinds, customers := map[string]bool{}, map[string]bool{}, map[string]int{}
	keys := map[load.Key]string{}
	for _, r := range load.Make(1, 20_000, 3) {
		if bodies[r.Body] {
			t.Fatalf("two records have the same body: %s", r.Body)
		}
		bodies[r.Body] = true
		if r.Field != "data" {
			kinds[r.Kind] = true
			continue
		}
		decoded, err := record.Decoder{}.Decode([]byte(r.Body))
		var refusal *record.Refusal
		if r.Bad != "" {
			kinds[r.Kind] = true
			if !errors.As(err, &refusal) || refusal.Outcome.String() != r.Bad {
				t.Errorf("%s is %v, want %s: %.200s", r.Kind, err, r.Bad, r.Body)
			}
			continue
		}
		stored := load.Key{CustomerID: decoded.CustomerID, Email: decoded.Email, CreatedAt: decoded.CreatedAt.UnixMilli()}
		if err != nil || stored != r.Key || decoded.Name != r.Name {
			t.Fatalf("%s is %v and %+v, want %+v", r.Body, err, decoded, r.Key)
		}
		if id, again := keys[r.Key]; again && id != decoded.ID {
			t.Errorf("records of one key have the identities %s and %s", id, decoded.ID)
		}
		if _, again := keys[r.Key]; !again {
			customers[r.Key.CustomerID]++
		}
		keys[r.Key] = decoded.ID
		if home := record.HomePartition(decoded.CustomerID, 3); home != load.Home(r.Key.CustomerID, 3) {
			t.Errorf("the home of %q is %d", decoded.CustomerID, home)
		}
	}
	if len(kinds) != 21 {
		t.Errorf("%d kinds of bad records: %v", len(kinds), kinds)
	}
	for k := range load.HotCustomers {
		if customers[load.Hot(k)] < 20 {
			t.Errorf("hot customer %d has %d records", k, customers[load.Hot(k)])
		}
		delete(customers, load.Hot(k))
	}
	for customer, n := range customers {
		if n > 3 {
			t.Errorf("customer %q has %d records", customer, n)
		}
	}
}
