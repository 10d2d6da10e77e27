package console

import (
	"fmt"
	"html/template"
	"time"

	"ingestion/internal/inspect"
	"ingestion/internal/plural"
)

// functions are those of the templates.
var functions = template.FuncMap{
	"count":      plural.Thousands[int64],
	"num":        plural.Thousands[int],
	"age":        inspect.Age,
	"stylesheet": func() template.CSS { return stylesheet },
	"time":       timeTag,

	"live":      liveTag,
	"more":      moreTag,
	"badge":     badgeTag,
	"screenFor": screenFor,
	"parts":     func() []string { return partitionColumns },
}

// liveTag is a value that changes while the page is open.
func liveTag(v values, name string) template.HTML { return tag(v, name, "") }

// moreTag is one that comes beside another.
func moreTag(v values, name string) template.HTML { return tag(v, name, "more") }

// badgeTag is one that has a state.
func badgeTag(v values, name string) template.HTML { return tag(v, name, "badge "+v[name+".state"]) }

func tag(v values, name, class string) template.HTML {
	return template.HTML(fmt.Sprintf(`<span class="%s" data-live="%s">%s</span>`, // all parts are escaped
		template.HTMLEscapeString(class), template.HTMLEscapeString(name), template.HTMLEscapeString(v[name])))
}

// timeTag is a time in UTC for people and for programs. The zero time is unknown.
func timeTag(t time.Time) template.HTML {
	if t.IsZero() {
		return "unknown"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s UTC</time>`, t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05"))) // has no text of others
}
