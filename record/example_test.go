package record_test

import (
	"errors"
	"fmt"

	"ingestion/record"
)

func ExampleDecoder_Decode() {
	body := `{"customerId":" 42 ","name":"Ada Lovelace","email":"ada@EXAMPLE.com","createdAt":"2024-01-02T05:04:05+02:00"}`
	r, err := record.Decoder{}.Decode([]byte(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.CustomerID, r.Name, r.Email, record.FormatTime(r.CreatedAt))
	fmt.Println("_id", r.ID)
	// Output:
	// 42 Ada Lovelace ada@example.com 2024-01-02T03:04:05Z
	// _id 462588af9a3ba9dd31c9012ca0ffdf19568933eb9374e7ed51c522e1b68b900a
}

// A Refusal has the outcome, the reason and, if it is valid, the customer.
func ExampleRefusal() {
	for _, body := range []string{
		`{"customerId":"42","name":"Ada","email":"ada@example"}`,
		`{"customerId":"42",}`,
	} {
		_, err := record.Decoder{MaxBytes: 1024}.Decode([]byte(body))
		var refusal *record.Refusal
		if errors.As(err, &refusal) {
			fmt.Printf("%v, customer %q: %s\n", refusal.Outcome, refusal.CustomerID, refusal.Reason)
		}
	}
	// Output:
	// validation_failed, customer "42": email: the part after @ has no dot; createdAt: missing
	// parse_error, customer "": Invalid JSON: a key in quotes is expected (at byte 19)
}

// A producer in any language finds a customer's stream this way.
func ExampleHomePartition() {
	keys := record.PartitionKeys("customers", 4)
	customer, ok := record.PeekCustomerID([]byte(`{"customerId":"42","name":"Ada"}`))
	if ok {
		fmt.Println(keys[record.HomePartition(customer, len(keys))])
	}
	// Output: customers:3
}
