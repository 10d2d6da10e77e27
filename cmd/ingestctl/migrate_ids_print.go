package main

import (
	"fmt"
	"maps"
	"slices"

	"ingestion/internal/answer"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

func (r *idsJSON) print(s *session, asJSON bool) error {
	out := logging.EscapeControls(s.out)
	if asJSON {
		return answer.Write(s.out, r, "")
	}
	part := ""
	if !r.Complete {
		part = ", not all of them"
	}
	fmt.Fprintf(out, "%s of %s read%s\n\n", plural.Of(r.Documents, "document", "documents"), r.Collection, part)
	fmt.Fprintf(out, "  same     %9d  sent again, it is a duplicate\n", r.Same)
	fmt.Fprintf(out, "  other    %9d  sent again, it is stored a second time\n", r.Other)
	fmt.Fprintf(out, "  refused  %9d  sent again, it is refused\n", r.Refused)
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		fmt.Fprintf(out, "           %9d  %s\n", r.Reasons[reason], reason)
	}
	for i, e := range r.Examples {
		if i == 0 {
			fmt.Fprintln(out, "\nfor example")
		}
		fmt.Fprintf(out, "  _id       %s\n  computed  %s\n", e.ID, e.Want)
	}
	return nil
}
