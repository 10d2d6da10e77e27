package mapping_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"ingestion/producer/mapping"
)

func sampleOf(t *testing.T, o mapping.Options, objects ...string) (s *mapping.Sample, complete bool) {
	t.Helper()
	m, err := mapping.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s = m.Sample()
	for _, object := range objects {
		complete = s.Add([]byte(object))
	}
	return s, complete
}

const ada = `{"customerId":"1","name":"Ada","email":"a@b.co","createdAt":"2024","user":{"id":"7","mails":[{"value":"x"}]},"first":"Ada","last":"L"}`

func TestSampleFaults(t *testing.T) {
	for what, c := range map[string]struct {
		options mapping.Options
		objects []string
		want    string
	}{
		"no members": {objects: []string{"{}"},
			want: "customerId: there is no such member; name: there is no such member; email: there is no such member; createdAt: there is no such member; the first object has no members"},
		"similar names": {objects: []string{`{"Customer ID":"1","email":"e"}`, `{"name":"A","created":"2024"}`},
			want: `customerId: there is no such member (similar: "Customer ID"); createdAt: there is no such member (similar: "created"); the first 2 objects have the members "Customer ID", "email", "name", "created"`},
		"a typo": {options: mapping.Options{Fields: fields("customerId", "usr")}, objects: []string{`{"name":"A","email":"e","createdAt":"t"}`, "null", `{"user":1}`},
			want: `customerId: there is no member "usr" (similar: "user"); the first 2 objects have the members "name", "email", "createdAt", "user"`},
		"a typo in a path": {options: mapping.Options{Fields: fields("customerId", "$.user.idd")}, objects: []string{ada},
			want: `customerId: there is no member $.user.idd; $.user has "id", "mails" (similar: "$.user.id"); the first object has the members "customerId", "name", "email", "createdAt", "user", "first", "last"`},
		"a typo at the end of a path": {options: mapping.Options{Fields: fields("email", "$.user.mails[0].valeu")}, objects: []string{ada},
			want: `email: there is no member $.user.mails[0].valeu; $.user.mails[0] has "value" (similar: "$.user.mails[0].value"); the first object has the members "customerId", "name", "email", "createdAt", "user", "first", "last"`},
		"an index beyond the end": {options: mapping.Options{Fields: fields("email", "$.user.mails[1].value")}, objects: []string{ada},
			want: `email: there is no member $.user.mails[1].value; the first object has the members "customerId", "name", "email", "createdAt", "user", "first", "last"`},
		"a typo in one of several parts": {options: mapping.Options{Fields: fields("name", "first+' '+lsat")}, objects: []string{ada},
			want: `name: there is no member "lsat" (similar: "last"); the first object has the members "customerId", "name", "email", "createdAt", "user", "first", "last"`},
		"the same text for all": {options: mapping.Options{Fields: fields("name", "'x'")}, objects: []string{ada},
			want: `name: 'x' would be the same in all records; only createdAt may be; the first object has the members "customerId", "name", "email", "createdAt", "user", "first", "last"`},
		"a number, then nothing": {objects: []string{`{"customerId":1}`, `{"name":"A","email":"e","createdAt":"t"}`},
			want: `customerId: the member is a number, not a string; a member that is mapped becomes a string; the first 2 objects have the members "customerId", "name", "email", "createdAt"`},
		"null": {options: mapping.Options{Fields: fields("customerId", "$.id")}, objects: []string{`{"id":null,"name":"A","email":"e","createdAt":"t"}`},
			want: `customerId: the member is null; the first object has the members "id", "name", "email", "createdAt"`},
		"other kinds": {objects: []string{`{"customerId":1,"name":["A"],"email":true,"createdAt":2024}`},
			want: `customerId: the member is a number, not a string; a member that is mapped becomes a string; name: the member is an array, not a string; email: the member is a boolean, not a string; createdAt: the member is a number, not a string; its time format has to be given; the first object has the members "customerId", "name", "email", "createdAt"`},
		"a value not to use": {options: mapping.Options{Fields: fields("email", "$.user")}, objects: []string{ada},
			want: `email: the member is an object, not a string; it has "id", "mails"; the first object has the members "customerId", "name", "email", "createdAt", "user", "first", "last"`},
		"a preset": {options: mapping.Options{Preset: "shopify"}, objects: []string{`{"First Name":"A","EMail":"e"}`},
			want: `customerId: there is no member "Customer ID" (similar: "EMail"); email: there is no member "Email" (similar: "EMail"); createdAt: Shopify exports no creation date; map createdAt to a column that you add, or to one date for all, such as '2024-01-31'; the first object has the members "First Name", "EMail"`},
	} {
		s, complete := sampleOf(t, c.options, c.objects...)
		err := s.Check()
		var fault *mapping.MembersError
		if !errors.As(err, &fault) || err.Error() != c.want || complete {
			t.Errorf("%s: got\n%v, want\n%s", what, err, c.want)
		}
	}
}

func TestGoodSamples(t *testing.T) {
	for what, c := range map[string]struct {
		options  mapping.Options
		objects  []string
		complete bool
		notes    []string
	}{
		"a record":        {objects: []string{ada}, complete: true},
		"no objects":      {objects: []string{"[]", "{", `"x"`}},
		"in two objects":  {objects: []string{`{"customerId":"1","name":"A"}`, `{"email":"e","createdAt":"t"}`}, complete: true},
		"numbers, mapped": {options: mapping.Options{Fields: fields("customerId", "id"), TimeFormat: "unix"}, objects: []string{`{"id":1,"name":"A","email":"e","createdAt":5}`}, complete: true},
		"a date for all":  {options: mapping.Options{Fields: fields("createdAt", "'2024-01-31'")}, objects: []string{`{"customerId":"1","name":"A","email":"e"}`}, complete: true},
		"last names, which none has": {options: mapping.Options{Fields: fields("name", "first_name+' '+last_name")}, objects: []string{`{"customerId":"1","first_name":"Ada","email":"e","createdAt":"t"}`},
			notes: []string{`name: there is no member "last_name"`}},
		"one of several parts": {options: mapping.Options{Fields: fields("name", "first+' '+middle+' '+last")}, objects: []string{ada},
			notes: []string{`name: there is no member "middle"`}},
		"a preset": {options: mapping.Options{Preset: "hubspot"}, objects: []string{`{"Record ID":"1","First Name":"A","Email":"e","Create Date":"2024"}`}, complete: true,
			notes: []string{"createdAt is read as UTC unless a time zone is given; HubSpot writes it in the account's time zone"}},
	} {
		s, complete := sampleOf(t, c.options, c.objects...)
		if err := s.Check(); err != nil || complete != c.complete || !slices.Equal(s.Notes(), c.notes) {
			t.Errorf("%s: %v, complete %t, notes %q", what, err, complete, s.Notes())
		}
	}
}

// Renaming takes a time that grows with the number of names, not with its square. Each
// name that is tried is an allocation.
func TestRepeatedNamesCostTheSameEach(t *testing.T) {
	m, err := mapping.New(mapping.Options{Fields: fields("name", "first")})
	if err != nil {
		t.Fatal(err)
	}
	header := func(n int) float64 {
		names := strings.Split("customerId,first,email,createdAt"+strings.Repeat(",x,column9", n), ",")
		return testing.AllocsPerRun(1, func() {
			if _, err := m.Header(names); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := header(200), header(2000); many > 12*few {
		t.Errorf("%v allocations for 400 columns of two names, %v for 4000", few, many)
	}
}
