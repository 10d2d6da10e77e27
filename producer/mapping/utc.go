package mapping

import "regexp"

// saysUTC matches the name of a column whose times are in UTC, such as Created (UTC),
// created_at_utc, createdUtc or "Time, GMT". Offset matches one with an offset, such as
// Created (UTC+2), whose times are not.
var (
	saysUTC = regexp.MustCompile(`(^|[^\pL])(?i:utc|gmt)($|[^\pL])|\p{Ll}(UTC|Utc|GMT|Gmt)($|[^\p{Ll}])`)
	offset  = regexp.MustCompile(`(?i:utc|gmt)\s*[+\-−±]\s*\d`)
)

func inUTC(name string) bool { return saysUTC.MatchString(name) && !offset.MatchString(name) }

// inUTC reports whether an expression is one name that says that its times are in UTC.
func (e Expression) inUTC() bool {
	if len(e.parts) != 1 {
		return false
	}
	switch p := e.parts[0]; p.kind {
	case nameKind:
		return inUTC(p.text)
	case pathKind:
		last := p.path[len(p.path)-1]
		return last.index < 0 && inUTC(last.name)
	}
	return false
}
