package main

import (
	"errors"
	"strings"
	"unicode/utf8"

	"ingestion/producer/file"
	"ingestion/record"
)

// judge returns the function that validates bodies and counts customers, or nil if
// there is nothing to do.
func (l *loading) judge() func([]byte) error {
	if !l.plan.validate && l.crowd == nil {
		return nil
	}
	decoder := record.Decoder{MaxBytes: l.cfg.MaxRecordBytes}
	return func(body []byte) error {
		if l.plan.validate {
			if err := l.plan.validated(decoder, body); err != nil {
				return err
			}
		}
		if l.crowd.over(body) {
			l.bar.clear()
			l.log.Warn("warning", "reason", l.crowd.warning())
		}
		return nil
	}
}

// validated returns why the worker would refuse a body, in terms of the file, or nil.
func (p *plan) validated(decoder record.Decoder, body []byte) error {
	_, err := decoder.Decode(body)
	if err == nil {
		return nil
	}
	if !utf8.Valid(body) {
		return p.withHint(err, file.HintEncoding)
	}
	faults, ok := decoder.Faults(body)
	if !ok {
		return err
	}
	reasons := make([]string, len(faults))
	for i, f := range faults {
		reasons[i] = p.inFile(file.FieldFault(f)).Error()
	}
	return errors.New(strings.Join(reasons, "; "))
}

// inFile returns the fault of a field with its column or member, unless that has the
// name of the field, and with what may help.
func (p *plan) inFile(f file.FieldFault) error {
	place := p.mapper.Place(f.Field)
	if place.Name == f.Field {
		place.Column = 0
	}
	row := f.At(place)
	if f.Field == "createdAt" && f.Reason != "blank" && f.Reason != "missing" && !place.Fixed {
		row.Hint = file.HintTime
	}
	return p.explained(row)
}

// faultsOf returns the function by which the first records of a file are judged, or nil
// if each record is validated anyway.
func (l *loading) faultsOf() func([]byte) ([]file.FieldFault, bool) {
	if l.plan.validate {
		return nil
	}
	decoder := record.Decoder{MaxBytes: l.cfg.MaxRecordBytes}
	return func(body []byte) (all []file.FieldFault, ok bool) {
		faults, ok := decoder.Faults(body)
		for _, f := range faults {
			all = append(all, file.FieldFault(f))
		}
		return all, ok
	}
}
