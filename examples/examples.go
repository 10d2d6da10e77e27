// Package examples contains fictitious customer records for trying out the service,
// and their expected outcomes.
package examples

import _ "embed"

//go:generate go run ./internal/generate

// Customers has one body per line: valid records in many languages, many kinds of
// invalid ones, duplicates, and customers with more records than the default limit
// allows.
//
//go:embed customers.ndjson
var Customers []byte

// Expected is a JSON object with the expected number of each outcome of Customers,
// of lines, and of conflicts among the duplicates. The numbers hold for an empty
// database and the default limit of 5 records in 60 seconds, in any order, if all
// lines are sent within one window.
//
//go:embed customers.expected.json
var Expected []byte

// CustomersCSV has valid records as CSV, with a header and one additional column.
//
//go:embed customers.csv
var CustomersCSV []byte
