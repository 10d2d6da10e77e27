package console

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ingestion/internal/answer"
	"ingestion/record"
)

// The API has the address api/v1/. Its answers are those of ingestctl --json where it reads or
// does the same, and openapi.yaml describes all of them.

//go:embed openapi.yaml
var openAPI []byte

const apiRoot = "/api/v1/"

func (c *console) apiRoutes() {
	c.read("GET /api/v1/openapi.yaml", c.apiDocument)
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"GET queue/pending": c.apiPending,
		"GET status":        c.apiStatus,
		"GET history":       brief(c.apiHistory),
		"GET dead":          c.apiLetters,
		"GET dead/groups":   c.apiGroups,
		"GET dead/preview":  c.apiPreview,
		"GET dead/{id}":     c.apiLetter,
		"GET customers":     brief(c.apiCustomers),
		"GET customers/one": brief(c.apiCustomer),
		"GET limits":        brief(c.apiLimits),
		"GET limits/one":    brief(c.apiLimit),
		"GET trace":         c.apiTrace,
		"POST trace":        c.apiTraceBody,
		"GET archive":       c.apiArchive,
		"GET activity":      brief(c.apiActivity),
		"POST validate":     c.apiValidate,
	} {
		c.read(apiPattern(pattern), c.answered(h))
	}
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"POST pause":            c.apiPause,
		"POST resume":           c.apiResume,
		"POST dead/replay":      c.apiReplay,
		"POST dead/purge":       c.apiPurge,
		"POST dead/{id}/edit":   c.apiEdit,
		"POST dead/{id}/reveal": c.apiReveal,
		"PUT limits/one":        c.apiSetLimit,
		"DELETE limits/one":     c.apiUnsetLimit,
	} {
		c.change(apiPattern(pattern), c.answered(h))
	}
	c.change("POST /api/v1/dead/export", c.apiExport)
}

func apiPattern(short string) string {
	method, path, _ := strings.Cut(short, " ")
	return method + " " + apiRoot + path
}

func (c *console) apiDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI) // fails only if the client has gone
}

// invalid is the answer to a change that was not made since its body breaks the rules.
type invalid struct{ answer.LetterEdit }

// answered makes a handler of a function that returns what to answer.
func (c *console) answered(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := h(r)
		switch value := value.(type) {
		case invalid:
			c.answer(w, http.StatusUnprocessableEntity, value.LetterEdit)
			return
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.answer(w, http.StatusOK, value)
	}
}

func (c *console) answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = answer.Write(w, value, "") // fails only if the client has gone
}

// maxRequest bounds the body of a request, in bytes: it is more than the IDs that one may name.
const maxRequest = 256 << 10

// withBody are the routes that take the body of a record.
var withBody = []string{"POST /dead/{id}/edit", "POST /api/v1/dead/{id}/edit", "POST /api/v1/validate"}

// maxBody bounds those, in bytes: it is more than any record takes when each byte is escaped, as in \u0000, and leaves
// room for some that are too large, which are told so.
func (c *console) maxBody() int64 {
	return 4<<20 + 6*int64(cmp.Or(c.Decoder.MaxBytes, record.DefaultMaxBytes))
}

// boundedBody bounds the body of a request.
func (c *console) boundedBody(w http.ResponseWriter, r *http.Request) io.ReadCloser {
	if slices.Contains(withBody, r.Pattern) {
		return http.MaxBytesReader(w, r.Body, c.maxBody())
	}
	return http.MaxBytesReader(w, r.Body, maxRequest)
}

var errNotJSON = errors.New("send one JSON object, as Content-Type: application/json")

// readJSON reads the JSON object of a request. Members that are unknown, occur twice or are null are an
// error, so that a condition that gets lost does not select more than was meant.
func readJSON(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return problemOf(http.StatusUnsupportedMediaType, errNotJSON)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return unreadable(err)
	}
	if err := noNull(text); err != nil {
		return wrong(fmt.Errorf("%w: %w", errNotJSON, err))
	}
	if err := json.Unmarshal(text, into, json.RejectUnknownMembers(true)); err != nil {
		return wrong(fmt.Errorf("%w: %w", errNotJSON, err))
	}
	return nil
}

// unreadable is the problem of a request whose body could not be read.
func unreadable(err error) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problemOf(http.StatusRequestEntityTooLarge, fmt.Errorf("the request is too large: send at most %d bytes", large.Limit))
	}
	return wrong(fmt.Errorf("the request can't be read: %w", err))
}

// noNull reports a null, which would be the same as a member that is absent, and what is no JSON.
func noNull(text []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.ReadToken()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case token.Kind() == 'n':
			return fmt.Errorf("null at %q: leave it out if that is meant", d.StackPointer())
		}
	}
}
