package config

import (
	"cmp"
	"fmt"
	"iter"
	"reflect"
	"strings"
)

// Setting is one variable as `worker config` and the documentation show it.
type Setting struct {
	Name    string
	Value   string // the effective value, redacted
	Source  Source
	Default string
	Doc     string
}

// Settings lists all variables in the order of Config.
func (c *Config) Settings() []Setting {
	v := reflect.ValueOf(*c)
	var out []Setting
	for field := range fieldsOf(v.Type()) {
		tag := field.Tag
		out = append(out, Setting{
			Name:    tag.Get("env"),
			Value:   show(v.FieldByIndex(field.Index).Interface()),
			Source:  cmp.Or(c.origin.sources[tag.Get("env")], Default),
			Default: tag.Get("envDefault"),
			Doc:     tag.Get("doc"),
		})
	}
	return out
}

// IsDefault reports whether the variable was not set.
func (c *Config) IsDefault(name string) bool {
	_, set := c.origin.sources[name]
	return !set
}

// fieldsOf yields the fields that are variables.
func fieldsOf(config reflect.Type) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for i := range config.NumField() {
			if field := config.Field(i); field.Tag.Get("env") != "" && !yield(field) {
				return
			}
		}
	}
}

func show(value any) string {
	if list, ok := value.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(value)
}
