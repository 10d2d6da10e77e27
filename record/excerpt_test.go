package record_test

import (
	"strings"
	"testing"

	"ingestion/record"
)

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		body  string
		limit int
		want  string
	}{
		{"", 256, ""},
		{"abc", 256, "abc"},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"aé", 2, "a"},
		{"aé", 3, "aé"},
		{"😀😀", 7, "😀"},
		{"a\xffb", 256, "a\ufffdb"},
		{"a\xffb", 3, "a"},
		{"\xf0\x9f\x98", 256, "\ufffd\ufffd\ufffd"},
		{"abc", 0, ""},
		{"abc", -1, ""},
		{strings.Repeat("é", 200), 256, strings.Repeat("é", 128)},
	} {
		if got := record.Excerpt([]byte(c.body), c.limit); got != c.want {
			t.Errorf("%q to %d bytes: got %q, want %q", c.body, c.limit, got, c.want)
		}
	}
}
