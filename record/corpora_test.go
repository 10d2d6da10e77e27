package record_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"ingestion/record"
)

// corpora is the folder of cases from outside, beside the project.
const corpora = "../../shared/corpora"

// cases reads one corpus, a JSON object a line. Without the folder the test is
// skipped, except under CI, where its absence is a failure.
func cases[T any](t *testing.T, file string) []T {
	t.Helper()
	f, err := os.Open(filepath.Join(corpora, file))
	if os.IsNotExist(err) {
		if os.Getenv("CI") != "" {
			t.Fatalf("no corpus under CI: put %s at %s", file, corpora)
		}
		t.Skipf("no corpus: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var c T
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s, line %d: %v", file, len(all)+1, err)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// email-validator 2.3.0's own cases and those of pyIsEmail as it judges them.
func TestCorpusOfEmails(t *testing.T) {
	type address struct {
		Input            string `json:"input"`
		Valid            bool   `json:"valid"`
		Normalized       string `json:"normalized"`
		VersionDependent bool   `json:"version_dependent"`
	}
	judged := 0
	for _, c := range cases[address](t, "email.ndjson") {
		if c.VersionDependent {
			continue
		}
		judged++
		got, err := decodeWith("email", c.Input)
		switch {
		case c.Valid && err != nil:
			t.Errorf("%+q: refused: %v", c.Input, err)
		case c.Valid && got.Email != c.Normalized:
			t.Errorf("%+q: stored as %+q, want %+q", c.Input, got.Email, c.Normalized)
		case !c.Valid && err == nil:
			t.Errorf("%+q: accepted as %+q", c.Input, got.Email)
		}
	}
	t.Logf("%d addresses judged", judged)
}

// dateutil's own cases as isoparse judges them.
func TestCorpusOfTimes(t *testing.T) {
	type instant struct {
		Input string `json:"input"`
		Valid bool   `json:"valid"`
		UTC   string `json:"utc"`
		Local string `json:"local"`
		Quirk bool   `json:"quirk"`
	}
	judged, separators := 0, 0
	for _, c := range cases[instant](t, "iso8601.ndjson") {
		got, err := decodeWith("createdAt", c.Input)
		if c.Quirk || otherSeparator.MatchString(c.Input) {
			separators++ // excluded, and refused
			if err == nil {
				t.Errorf("%q: accepted", c.Input)
			}
			continue
		}
		judged++
		switch {
		case c.Valid && err != nil:
			t.Errorf("%q: refused: %v", c.Input, err)
		case c.Valid && !got.CreatedAt.Equal(corpusTime(t, c.UTC, c.Local)):
			t.Errorf("%q: read as %v, want %v", c.Input, got.CreatedAt, c.UTC+c.Local)
		case !c.Valid && err == nil:
			t.Errorf("%q: accepted as %v", c.Input, got.CreatedAt)
		}
	}
	t.Logf("%d times judged, %d left out for their separator", judged, separators)
}

// otherSeparator finds a calendar date before a separator that isoparse takes
// and the service does not.
var otherSeparator = regexp.MustCompile(`^(\d{8}|\d{4}-\d\d-\d\d)[^Tt 0-9]\d\d`)

func corpusTime(t *testing.T, utc, local string) time.Time {
	t.Helper()
	text := utc
	if text == "" {
		text = local + "Z"
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	t.Fatalf("the corpus has a time of another form: %q", text)
	return time.Time{}
}

// JSONTestSuite: what it calls invalid is malformed; what it calls valid is
// malformed only where the decoder is stricter, or for not being an object.
func TestCorpusOfBodies(t *testing.T) {
	type body struct {
		Name  string `json:"name"`
		Input string `json:"input"`
		Valid *bool  `json:"valid"`
	}
	stricter := map[string]bool{
		"y_object_duplicated_key.json":           true,
		"y_object_duplicated_key_and_value.json": true,
	}
	judged := 0
	for _, c := range cases[body](t, "json.ndjson") {
		input, err := base64.StdEncoding.DecodeString(c.Input)
		if err != nil {
			t.Fatal(err)
		}
		// Most bodies are no objects, so each is judged as the value of a field as well.
		wrapped := []byte(`{"value":` + string(input) + `}`)
		_, bare := record.Decoder{MaxBytes: 1 << 20}.Decode(input)
		_, inside := record.Decoder{MaxBytes: 1 << 20}.Decode(wrapped)
		if bare == nil || inside == nil {
			t.Errorf("%s: accepted as a record", c.Name)
			continue
		}
		if c.Valid == nil {
			continue
		}
		judged++
		accepted := outcome(inside) == record.Invalid
		if want := *c.Valid && !stricter[c.Name]; accepted != want {
			t.Errorf("%s: %v", c.Name, inside)
		}
		if !*c.Valid && outcome(bare) != record.Malformed {
			t.Errorf("%s: %v", c.Name, bare)
		}
	}
	t.Logf("%d bodies judged", judged)
}

// The customers of the Chinook sample database: all are acceptable as they are.
func TestCorpusOfCustomers(t *testing.T) {
	type customer struct {
		CustomerID string `json:"customerId"`
		Name       string `json:"name"`
		Email      string `json:"email"`
		CreatedAt  string `json:"createdAt"`
	}
	for _, c := range cases[customer](t, "customers.ndjson") {
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := record.Decoder{}.Decode(body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if got.CustomerID != c.CustomerID || got.Name != c.Name || got.Email != c.Email {
			t.Errorf("%s: stored as %+v", body, got)
		}
	}
}
