package main

import (
	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
)

// documents is the MongoDB of one run.
type documents struct {
	uri   string
	stop  func() error
	count func() int64 // inserted so far; nil where nobody counts
}

func (s *sitting) store(what scenario) (documents, error) {
	if what.ferret {
		m, err := local.StartMongo(s.standalone)
		if err != nil {
			return documents{}, err
		}
		return documents{uri: m.URI, stop: m.Close}, nil
	}
	counting, err := sink.Start(nil)
	if err != nil {
		return documents{}, err
	}
	return documents{uri: counting.URI(), stop: counting.Close, count: counting.Documents}, nil
}
