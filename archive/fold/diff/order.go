package diff

import (
	"bytes"
	"cmp"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// compareIDs orders two _ids as MongoDB does. It knows the types that _ids usually have.
func compareIDs(a, b bson.RawValue) (int, error) {
	rankA, rankB := rank(a.Type), rank(b.Type)
	switch {
	case rankA == 0:
		return 0, unknownType(a.Type)
	case rankB == 0:
		return 0, unknownType(b.Type)
	case rankA != rankB:
		return cmp.Compare(rankA, rankB), nil
	}
	switch a.Type {
	case bson.TypeString:
		return bytes.Compare(text(a), text(b)), nil
	case bson.TypeObjectID:
		return bytes.Compare(a.Value, b.Value), nil
	case bson.TypeDateTime:
		return cmp.Compare(a.DateTime(), b.DateTime()), nil
	default:
		return compareNumbers(a, b), nil
	}
}

// rank is the place of a type in MongoDB's order; 0 if it is not known here.
func rank(t bson.Type) int {
	switch t {
	case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble:
		return 1
	case bson.TypeString:
		return 2
	case bson.TypeObjectID:
		return 3
	case bson.TypeDateTime:
		return 4
	default:
		return 0
	}
}

func unknownType(t bson.Type) error {
	return fmt.Errorf("a document has an _id of type %s: want a string, a number, an ObjectID or a date", t)
}

// text is the bytes of a string, without its length and the zero at the end.
func text(v bson.RawValue) []byte { return v.Value[4 : len(v.Value)-1] }

func compareNumbers(a, b bson.RawValue) int {
	x, okX := a.AsInt64OK()
	y, okY := b.AsInt64OK()
	if okX && okY && a.Type != bson.TypeDouble && b.Type != bson.TypeDouble {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(number(a), number(b))
}

func number(v bson.RawValue) float64 {
	if f, ok := v.DoubleOK(); ok {
		return f
	}
	n, _ := v.AsInt64OK()
	return float64(n)
}
