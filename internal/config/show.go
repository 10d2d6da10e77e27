package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Setting is one variable as `worker config` and the documentation show it.
type Setting struct {
	Name    string
	Value   string // the effective value, redacted
	Default string
	Doc     string
}

// Settings lists all variables in the order of Config.
func (c *Config) Settings() []Setting {
	v := reflect.ValueOf(*c)
	out := make([]Setting, 0, v.NumField())
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		out = append(out, Setting{
			Name:    tag.Get("env"),
			Value:   show(v.Field(i).Interface()),
			Default: tag.Get("envDefault"),
			Doc:     tag.Get("doc"),
		})
	}
	return out
}

func show(value any) string {
	if list, ok := value.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(value)
}
