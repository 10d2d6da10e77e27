package main

import (
	"strconv"

	"ingestion/record"
)

func sumOutcomes(ledger map[string]string) int64 {
	var sum int64
	for _, o := range record.Outcomes() {
		n, _ := strconv.ParseInt(ledger[o.String()], 10, 64) // absent is none
		sum += n
	}
	return sum
}
