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

	"ingestion/internal/test/need"
	"ingestion/record"
)

// corpora is a directory of test cases from other projects, next to this one.
const corpora = "../../shared/corpora"

// cases reads a corpus, one JSON object per line. If the directory is missing, the
// test is skipped, or fails if CI is set.
func cases[T any](t *testing.T, file string) []T {
	t.Helper()
	f, err := os.Open(filepath.Join(corpora, file))
	if os.IsNotExist(err) {
		need.Skip(t, "no corpus: put %s at %s", file, corpora)
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

// The test cases of email-validator 2.3.0 and pyIsEmail, with email-validator's
// results.
func TestEmailCorpus(t *testing.T) {
	type address struct {
		Input            string `json:"input"`
		Valid            bool   `json:"valid"`
		Normalized       string `json:"normalized"`
		VersionDependent bool   `json:"version_dependent"`
	}
	checked := 0
	for _, c := range cases[address](t, "email.ndjson") {
		if c.VersionDependent {
			continue
		}
		checked++
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
	t.Logf("%d addresses checked", checked)
}

// The test cases of dateutil, with isoparse's results.
func TestTimeCorpus(t *testing.T) {
	type instant struct {
		Input string `json:"input"`
		Valid bool   `json:"valid"`
		UTC   string `json:"utc"`
		Local string `json:"local"`
		Quirk bool   `json:"quirk"`
	}
	checked, separators := 0, 0
	for _, c := range cases[instant](t, "iso8601.ndjson") {
		got, err := decodeWith("createdAt", c.Input)
		if c.Quirk || otherSeparator.MatchString(c.Input) {
			separators++ // excluded, and refused
			if err == nil {
				t.Errorf("%q: accepted", c.Input)
			}
			continue
		}
		checked++
		switch {
		case c.Valid && err != nil:
			t.Errorf("%q: refused: %v", c.Input, err)
		case c.Valid && !got.CreatedAt.Equal(corpusTime(t, c.UTC, c.Local)):
			t.Errorf("%q: parsed as %v, want %v", c.Input, got.CreatedAt, c.UTC+c.Local)
		case !c.Valid && err == nil:
			t.Errorf("%q: accepted as %v", c.Input, got.CreatedAt)
		}
	}
	t.Logf("%d times checked, %d skipped because of their separator", checked, separators)
}

// otherSeparator matches a calendar date before a separator that isoparse accepts
// and the service refuses.
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
	t.Fatalf("the corpus has a time of unknown form: %q", text)
	return time.Time{}
}

// JSONTestSuite: an invalid text is malformed; a valid text is malformed only if the
// decoder is stricter or the text is not an object.
func TestJSONCorpus(t *testing.T) {
	type body struct {
		Name  string `json:"name"`
		Input string `json:"input"`
		Valid *bool  `json:"valid"`
	}
	stricter := map[string]bool{
		"y_object_duplicated_key.json":           true,
		"y_object_duplicated_key_and_value.json": true,
	}
	checked := 0
	for _, c := range cases[body](t, "json.ndjson") {
		input, err := base64.StdEncoding.DecodeString(c.Input)
		if err != nil {
			t.Fatal(err)
		}
		// Most texts are not objects, so each is also tested as the value of a field.
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
		checked++
		accepted := outcome(inside) == record.Invalid
		if want := *c.Valid && !stricter[c.Name]; accepted != want {
			t.Errorf("%s: %v", c.Name, inside)
		}
		if !*c.Valid && outcome(bare) != record.Malformed {
			t.Errorf("%s: %v", c.Name, bare)
		}
	}
	t.Logf("%d bodies checked", checked)
}

// The customers of the Chinook sample database are all valid.
func TestCustomerCorpus(t *testing.T) {
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
