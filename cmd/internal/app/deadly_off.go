//go:build !deadly

package app

import "ingestion/record"

// decoder returns decode. Tests build the worker with deadly.go instead.
func decoder(decode func([]byte) (record.Record, error)) func([]byte) (record.Record, error) {
	return decode
}
