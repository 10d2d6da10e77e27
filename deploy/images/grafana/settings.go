package main

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// settings are those variables of Grafana that the stand-in knows.
type settings map[string]string

// defaults are those of Grafana's image.
// The stand-in itself never asks for updates, reports or installs anything.
var defaults = settings{
	"GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES":     "true",
	"GF_ANALYTICS_CHECK_FOR_UPDATES":            "true",
	"GF_ANALYTICS_REPORTING_ENABLED":            "true",
	"GF_AUTH_ANONYMOUS_ENABLED":                 "false",
	"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": "",
	"GF_PATHS_DATA":                             "/var/lib/grafana",
	"GF_PATHS_PROVISIONING":                     "/etc/grafana/provisioning",
	"GF_PLUGINS_PREINSTALL_DISABLED":            "false",
	"GF_SECURITY_ADMIN_PASSWORD":                "admin",
	"GF_SERVER_HTTP_ADDR":                       "",
	"GF_SERVER_HTTP_PORT":                       "3000",
}

var switches = []string{
	"GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "GF_ANALYTICS_CHECK_FOR_UPDATES", "GF_ANALYTICS_REPORTING_ENABLED",
	"GF_AUTH_ANONYMOUS_ENABLED", "GF_PLUGINS_PREINSTALL_DISABLED",
}

func readSettings(environ []string) (settings, error) {
	set := maps.Clone(defaults)
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "GF_") {
			continue
		}
		if _, known := defaults[name]; !known {
			return nil, fmt.Errorf("%s: the stand-in doesn't know this variable; is it spelt as Grafana spells it?", name)
		}
		set[name] = value
	}
	for _, name := range switches {
		if _, err := strconv.ParseBool(set[name]); err != nil {
			return nil, fmt.Errorf("%s=%q: want true or false", name, set[name])
		}
	}
	return set, nil
}

// on reports whether a switch is on. readSettings has checked its value.
func (s settings) on(name string) bool {
	value, _ := strconv.ParseBool(s[name])
	return value
}
