package topology_test

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// perCustomer is the limit, and how many records each customer has: one that is
// admitted twice, by a window that was lost or not found, leaves no room for another.
const perCustomer = 5

// person is a record by its parts, or a document.
type person struct {
	CustomerID string    `bson:"customerId" json:"customerId"`
	Name       string    `bson:"name" json:"name"`
	Email      string    `bson:"email" json:"email"`
	CreatedAt  time.Time `bson:"createdAt" json:"createdAt"`
	StreamID   string    `bson:"streamId" json:"-"`
}

func people(n int) []person {
	list := make([]person, n)
	start := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i := range list {
		list[i] = person{
			CustomerID: fmt.Sprintf("customer-%d", i/perCustomer), Name: fmt.Sprintf("Ada Lovelace %d", i),
			Email: fmt.Sprintf("ada.%d@nordwind.de", i), CreatedAt: start.Add(time.Duration(i) * time.Minute),
		}
	}
	return list
}

func (p person) body() string {
	return fmt.Sprintf(`{"customerId":%q,"name":%q,"email":%q,"createdAt":%q}`, p.CustomerID, p.Name, p.Email, p.CreatedAt.Format(time.RFC3339Nano))
}

func (r *rig) documents() []person {
	r.t.Helper()
	cursor, err := r.mongo.Database(r.t).Collection("customers").Find(r.t.Context(), bson.D{})
	if err != nil {
		r.t.Fatal(err)
	}
	var docs []person
	if err := cursor.All(r.t.Context(), &docs); err != nil {
		r.t.Fatal(err)
	}
	return docs
}

// compare compares the documents with the records one by one, and returns how many
// records have none.
func (r *rig) compare(records []person) (lost int) {
	r.t.Helper()
	found := map[string][]person{}
	for _, d := range r.documents() {
		found[d.Email] = append(found[d.Email], d)
	}
	for _, p := range records {
		docs := found[p.Email]
		delete(found, p.Email)
		switch {
		case len(docs) == 0:
			lost++
		case len(docs) > 1:
			r.t.Errorf("%s has %d documents", p.Email, len(docs))
		case !docs[0].is(p):
			r.t.Errorf("the document of %+v is %+v", p, docs[0])
		}
	}
	if len(found) > 0 {
		r.t.Errorf("%d documents that nobody has sent", len(found))
	}
	return lost
}

// is reports whether the fields of two records are the same.
func (p person) is(other person) bool {
	return p.CustomerID == other.CustomerID && p.Name == other.Name && p.Email == other.Email && p.CreatedAt.Equal(other.CreatedAt)
}

// key is what no two records share.
func (p person) key() string {
	return fmt.Sprintf("%q of %q at %d", p.Email, p.CustomerID, p.CreatedAt.UnixMilli())
}
