package customers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ingestion/producer"
	"ingestion/record"
)

// edgeCases returns valid records at the limits of the rules, one per customer.
func edgeCases() []Line {
	valid := func(id, name, email, createdAt string) Line {
		body := fmt.Sprintf(`{"customerId": %s, "name": %s, "email": %s, "createdAt": %s}`, plain(id), plain(name), plain(email), plain(createdAt))
		return Line{Body: []byte(body), Want: record.Ingested}
	}
	return []Line{
		valid(strings.Repeat("9", 256), "Longest Customer ID", "longest.id@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid("edge-name", strings.Repeat("Wolfeschlegelsteinhausenbergerdorff ", 28)+"Jr.", "hubert@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid("edge-local", "Longest Local Part", strings.Repeat("l", 64)+"@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid("edge-atext", "Odd But Allowed", "!#$%&'*+-/=?^_`{|}~@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid("edge|pipe", "Piped", "pipe|d@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid(`edge\backslash`, "Backslash", "back.slash@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid("edge-emoji", "Renée 🦊 Füchslein", "renee@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid("edge-decomposed", "Zoe\u0308 A\u030angstro\u0308m", "zoe@quillmarsh.net", "2024-02-29T12:00:00Z"),
		valid("edge-one", "X", "x@y.zw", "2024-02-29T12:00:00Z"),
		valid("edge-punycode", "Already Encoded", "post@xn--mllersgrn-q9ah.de", "2024-02-29T12:00:00Z"),
		valid("edge-first", "The First Instant", "first@quillmarsh.net", "0001-01-01T00:00:00Z"),
		valid("edge-last", "The Last Instant", "last@quillmarsh.net", "9999-12-31T23:59:59.999999Z"),
		valid("edge-leap", "Leap Day by Ordinal", "leap@quillmarsh.net", "2024-366"),
		valid("edge-week", "Week 53", "week@quillmarsh.net", "2020-W53-7"),
		valid("edge-month", "A Month Alone", "month@quillmarsh.net", "2024-03"),
		valid("edge-quote", `Quote " and \ in the Name`, "quote@quillmarsh.net", "2024-02-29T12:00:00Z"),
		{Body: []byte(`{"customerId":"edge-deep","name":"Deep Enough","email":"deep@quillmarsh.net","createdAt":"2024-02-29","more":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`), Want: record.Ingested},
	}
}

// invalid returns refused records: invalid ones of the generator, which labels them,
// and kinds that are common in practice.
func invalid() []Line {
	lines := generated(120)
	bad := func(want record.Outcome, body string) { lines = append(lines, Line{Body: []byte(body), Want: want}) }

	bad(record.Malformed, `customerId=C-77&name=Form+Data&email=form%40quillmarsh.net`)
	bad(record.Malformed, `<customer><id>77</id><name>XML</name></customer>`)
	bad(record.Malformed, `{customerId: "C-77", name: "JavaScript", email: "js@quillmarsh.net", createdAt: "2024-02-29"}`)
	bad(record.Malformed, `{"customerId": "C-77", "name": "Trailing Comma", "email": "comma@quillmarsh.net", "createdAt": "2024-02-29",}`)
	bad(record.Malformed, `{"customerId": "C-77", "name": "Comment" /* who? */, "email": "c@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Malformed, `{"customerId": "C-77", "name": "Bad Escape \x41", "email": "x@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Malformed, "{\"customerId\": \"C-77\", \"name\": \"A\tTab\", \"email\": \"tab@quillmarsh.net\", \"createdAt\": \"2024-02-29\"}")
	bad(record.Malformed, `{"customerId": "C-77", "name": "Dupe Key", "name": "Dupe Key", "email": "k@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Malformed, `{"customerId": "C-77", "n\u0061me": "Same Key", "name": "Escaped", "email": "k@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Malformed, `null`)
	bad(record.Malformed, `-- MARK --`)
	bad(record.Malformed, "\ufeff"+`{"customerId": "C-77", "name": "Marked", "email": "bom@quillmarsh.net", "createdAt": "2024-02-29"}`)

	bad(record.Invalid, `{}`)
	bad(record.Invalid, `{"data": {"customerId": "C-78", "name": "Wrapped", "email": "w@quillmarsh.net", "createdAt": "2024-02-29"}}`)
	bad(record.Invalid, `{"CUSTOMERID": "C-78", "NAME": "LOUD", "EMAIL": "LOUD@QUILLMARSH.NET", "CREATEDAT": "2024-02-29"}`)
	bad(record.Invalid, `{"customerId": 78, "name": "Number", "email": "n@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": ["A", "List"], "email": "list@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "Epoch", "email": "epoch@quillmarsh.net", "createdAt": 1709208000}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "American", "email": "us@quillmarsh.net", "createdAt": "02/29/2024"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "No Leap Year", "email": "leap@quillmarsh.net", "createdAt": "2023-02-29"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "Before the First Year", "email": "bc@quillmarsh.net", "createdAt": "0001-01-01T00:00:00+01:00"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "Two Addresses", "email": "a@quillmarsh.net, b@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "Intranet", "email": "root@localhost", "createdAt": "2024-02-29"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "For Tests", "email": "someone@shop.test", "createdAt": "2024-02-29"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "Comma", "email": "some,one@quillmarsh.net", "createdAt": "2024-02-29"}`)
	bad(record.Invalid, `{"customerId": "C-78", "name": "Umlaut Too Much", "email": "`+strings.Repeat("ü", 33)+`@quillmarsh.net", "createdAt": "2024-02-29"}`)
	return lines
}

// generated returns n invalid records of the generator.
func generated(n int) []Line {
	g, err := producer.NewGenerator(producer.GeneratorOptions{
		Customers: []string{"B-1", "B-2", "客-3", "B-4", "B-5", "B-6", "B-7"},
		PerMinute: 60e6, InvalidRate: 1, Seed: seed, Count: n, Clock: stoppedClock{},
	})
	if err != nil {
		panic(err) // the options are constant
	}
	var lines []Line
	err = g.Run(context.Background(), func(_ context.Context, records []producer.Generated) error {
		for _, one := range records {
			lines = append(lines, Line{Body: one.Body, Want: one.Want})
		}
		return nil
	})
	if err != nil {
		panic(err) // neither the clock nor the callback fails
	}
	return lines
}

// stoppedClock makes the generator run without waiting.
type stoppedClock struct{}

func (stoppedClock) Now() time.Time                             { return time.Unix(0, 0) }
func (stoppedClock) WaitUntil(context.Context, time.Time) error { return nil }
