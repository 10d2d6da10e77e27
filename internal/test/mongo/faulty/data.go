package faulty

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// collection holds documents by _id, in order of insertion.
type collection struct {
	byID map[string]bson.Raw
	ids  []string
}

// idKey makes a map key of an _id: its type and its bytes.
func idKey(v bson.RawValue) string { return string(v.Type) + string(v.Value) }

func (c *collection) insert(doc bson.Raw) bool {
	key := idKey(doc.Lookup("_id"))
	if _, there := c.byID[key]; there {
		return false
	}
	c.byID[key] = doc
	c.ids = append(c.ids, key)
	return true
}

// put inserts a document, or replaces the one with its _id.
func (c *collection) put(doc bson.Raw) {
	if !c.insert(doc) {
		c.byID[idKey(doc.Lookup("_id"))] = doc
	}
}

func (c *collection) all() []bson.Raw {
	docs := make([]bson.Raw, 0, len(c.ids))
	for _, id := range c.ids {
		docs = append(docs, c.byID[id])
	}
	return docs
}

// collection returns the collection of a namespace and creates it if necessary.
// The server must be locked.
func (s *Server) collection(namespace string) *collection {
	c := s.data[namespace]
	if c == nil {
		c = &collection{byID: map[string]bson.Raw{}}
		s.data[namespace] = c
	}
	return c
}

// insertLocked inserts new documents and reports which ones already existed.
// Inserted documents are in the journal before the reply is sent.
func (s *Server) insertLocked(namespace string, docs []bson.Raw, skip map[int]bool, ordered bool) (inserted int, duplicates []int, err error) {
	c := s.collection(namespace)
	for i, doc := range docs {
		if skip[i] {
			if ordered {
				break
			}
			continue
		}
		kept := append(bson.Raw(nil), doc...)
		if !c.insert(kept) {
			duplicates = append(duplicates, i)
			if ordered {
				break
			}
			continue
		}
		inserted++
		if s.journal != nil {
			if err := writeEntry(s.journal, namespace, kept); err != nil {
				return inserted, duplicates, err
			}
		}
	}
	if s.journal != nil {
		err = s.journal.Flush()
	}
	return inserted, duplicates, err
}

// put inserts or replaces a document. It is in the journal before the reply is sent. The
// server must be locked.
func (s *Server) put(namespace string, doc bson.Raw) error {
	s.collection(namespace).put(doc)
	if s.journal == nil {
		return nil
	}
	if err := writeEntry(s.journal, namespace, doc); err != nil {
		return err
	}
	return s.journal.Flush()
}

// forget drops a collection, in the journal too. The server must be locked.
func (s *Server) forget(namespace string) error {
	delete(s.data, namespace)
	if s.journal == nil {
		return nil
	}
	if err := writeEntry(s.journal, namespace, nil); err != nil {
		return err
	}
	return s.journal.Flush()
}

// inDatabase reports whether a namespace belongs to the database with a prefix,
// its name and a dot.
func inDatabase(namespace, prefix string) bool {
	database, _, _ := strings.Cut(prefix, ".")
	return strings.HasPrefix(namespace, database+".")
}

// A journal entry is a document {ns, doc}, without doc if the collection was
// dropped. It is written before the reply but not synced, so it survives the
// process, not the machine.
func writeEntry(w io.Writer, namespace string, doc bson.Raw) error {
	start, entry := bsoncore.AppendDocumentStart(make([]byte, 0, len(namespace)+len(doc)+32))
	entry = bsoncore.AppendStringElement(entry, "ns", namespace)
	if doc != nil {
		entry = bsoncore.AppendDocumentElement(entry, "doc", doc)
	}
	entry, err := bsoncore.AppendDocumentEnd(entry, start)
	if err != nil {
		return err
	}
	_, err = w.Write(entry)
	return err
}

// openJournal reads the journal of a previous process, truncates a torn entry
// at its end and appends after that.
func (s *Server) openJournal(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("faulty: open the journal: %w", err)
	}
	good, err := s.replay(bufio.NewReaderSize(f, 1<<20))
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("faulty: read the journal: %w", err), f.Close())
	}
	s.journalFile, s.journal = f, bufio.NewWriterSize(f, 1<<20)
	return nil
}

func (s *Server) replay(r io.Reader) (good int64, err error) {
	for {
		entry, err := bson.ReadDocument(r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return good, nil
		}
		if err != nil {
			return good, err
		}
		namespace, _ := entry.Lookup("ns").StringValueOK()
		if doc, ok := entry.Lookup("doc").DocumentOK(); ok {
			s.collection(namespace).put(doc)
		} else {
			delete(s.data, namespace)
		}
		good += int64(len(entry))
	}
}

// Documents returns all documents of a collection in order of insertion.
func (s *Server) Documents(database, name string) []bson.Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.collection(database + "." + name).all()
}
