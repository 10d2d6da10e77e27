package main

import (
	"errors"
	"slices"
	"strings"

	"ingestion/producer/file"
)

// asIs is a file.Mapper that leaves the lines of NDJSON as they are, and refuses no file.
type asIs struct{}

func (asIs) Header([]string) (file.Row, error) {
	return nil, errors.New("lines that are sent as they are have no columns")
}
func (asIs) Object(body []byte) ([]byte, error) { return body, nil }
func (asIs) Sample() file.Sample                { return nil }

// sendAsIs has the lines sent as they are if the flags ask for it.
func (f *loadFlags) sendAsIs(p *plan) error {
	if !f.asIs {
		return nil
	}
	var useless []string
	for _, flag := range []string{
		"encoding", "delimiter", "no-header", "sheet", "map", "preset", "time-format", "time-zone", "validate", "rejects", "dry-run", "preview",
	} {
		if f.given(flag) {
			useless = append(useless, "--"+flag)
		}
	}
	if f.format != "" && p.file.Format != file.NDJSON {
		useless = append(useless, "--format "+f.format)
	}
	if len(useless) > 0 {
		slices.Sort(useless)
		return errors.New("each line is sent as it is, so leave out " + strings.Join(useless, " and "))
	}
	p.file.Format, p.file.Mapper = file.NDJSON, asIs{}
	return nil
}
