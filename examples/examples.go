// Package examples holds made-up customer records for trying the service out,
// and the outcomes that they must have. All persons and addresses are
// fictitious.
package examples

import _ "embed"

//go:generate go run ./internal/generate

// Customers is one body a line: good records of many languages, bad ones of
// many kinds, duplicates, and customers with more records than the default
// limit allows.
//
//go:embed customers.ndjson
var Customers []byte

// Expected counts the outcomes of Customers by their names, as a JSON object,
// with the number of lines, and of conflicts among the duplicates. They hold for
// an empty database and the default limit of 5 records in 60 seconds, in any
// order of work, if all lines are sent within one window.
//
//go:embed customers.expected.json
var Expected []byte

// CustomersCSV are good records as CSV with a header and one more column.
//
//go:embed customers.csv
var CustomersCSV []byte
