package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// site is what has been provisioned.
type site struct {
	settings    settings
	datasources []datasource
	dashboards  map[string]dashboard // by UID
	home        dashboard
}

type datasource struct {
	Name      string             `json:"name" yaml:"name"`
	UID       string             `json:"uid" yaml:"uid"`
	Type      string             `json:"type" yaml:"type"`
	Access    string             `json:"access" yaml:"access"`
	URL       string             `json:"url" yaml:"url"`
	IsDefault bool               `json:"isDefault" yaml:"isDefault"`
	JSONData  prometheusSettings `json:"jsonData" yaml:"jsonData"`
}

type prometheusSettings struct {
	HTTPMethod   string `json:"httpMethod,omitempty" yaml:"httpMethod"`
	TimeInterval string `json:"timeInterval,omitempty" yaml:"timeInterval"`
}

// provider is a source of dashboards.
type provider struct {
	Name            string `yaml:"name"`
	Type            string `yaml:"type"`
	DisableDeletion bool   `yaml:"disableDeletion"`
	Options         struct {
		Path string `yaml:"path"`
	} `yaml:"options"`
}

// dashboard is what the stand-in reads of one, and all of its JSON.
type dashboard struct {
	UID, Title string
	model      json.RawMessage
}

func provision(set settings) (*site, error) {
	s := &site{settings: set, dashboards: map[string]dashboard{}}
	if err := s.addDatasources(); err != nil {
		return nil, err
	}
	if err := s.addDashboards(); err != nil {
		return nil, err
	}
	const home = "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
	var err error
	if s.home, err = readDashboard(set[home]); err != nil {
		return nil, fmt.Errorf("%s: %w", home, err)
	}
	return s, nil
}

func (s *site) addDatasources() error {
	return eachFile(s.settings, "datasources", func(file string) error {
		var content struct {
			APIVersion  int          `yaml:"apiVersion"`
			Datasources []datasource `yaml:"datasources"`
		}
		if err := readStrictly(file, &content); err != nil {
			return err
		}
		for _, d := range content.Datasources {
			if err := s.addDatasource(d); err != nil {
				return fmt.Errorf("data source %q: %w", d.Name, err)
			}
		}
		return nil
	})
}

func (s *site) addDatasource(d datasource) error {
	address, err := url.Parse(d.URL)
	switch {
	case d.Name == "" || d.UID == "":
		return errors.New("want a name and a UID")
	case d.Type != "prometheus" || d.Access != "proxy":
		return fmt.Errorf("type %q, access %q: want prometheus, proxy", d.Type, d.Access)
	case err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https":
		return fmt.Errorf("url %q: want http://host:port", d.URL)
	case d.JSONData.HTTPMethod != "" && d.JSONData.HTTPMethod != "GET" && d.JSONData.HTTPMethod != "POST":
		return fmt.Errorf("httpMethod %q: want GET or POST", d.JSONData.HTTPMethod)
	case slices.ContainsFunc(s.datasources, func(o datasource) bool { return o.UID == d.UID || o.Name == d.Name || o.IsDefault && d.IsDefault }):
		return errors.New("another one has its name or UID, or is the default, too")
	}
	s.datasources = append(s.datasources, d)
	return nil
}

func (s *site) addDashboards() error {
	return eachFile(s.settings, "dashboards", func(file string) error {
		var content struct {
			APIVersion int        `yaml:"apiVersion"`
			Providers  []provider `yaml:"providers"`
		}
		if err := readStrictly(file, &content); err != nil {
			return err
		}
		for _, p := range content.Providers {
			if err := s.addFolder(p); err != nil {
				return fmt.Errorf("provider %q: %w", p.Name, err)
			}
		}
		return nil
	})
}

// addFolder adds the dashboards that a provider finds.
func (s *site) addFolder(p provider) error {
	if p.Name == "" || p.Type != "file" {
		return fmt.Errorf("type %q: want a name, and the type file", p.Type)
	}
	files, err := filepath.Glob(filepath.Join(p.Options.Path, "*.json"))
	if err == nil && len(files) == 0 {
		err = errors.New("no dashboards there")
	}
	if err != nil {
		return fmt.Errorf("path %q: %w", p.Options.Path, err)
	}
	for _, file := range files {
		d, err := readDashboard(file)
		if err != nil {
			return err
		}
		if other, found := s.dashboards[d.UID]; found {
			return fmt.Errorf("%s: the dashboard %q has its UID %q, too", file, other.Title, d.UID)
		}
		s.dashboards[d.UID] = d
	}
	return nil
}

func readDashboard(file string) (dashboard, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return dashboard{}, err
	}
	d := dashboard{model: content}
	if err := json.Unmarshal(content, &d); err != nil {
		return d, fmt.Errorf("%s: %w", file, err)
	}
	if d.UID == "" || d.Title == "" {
		return d, fmt.Errorf("%s: want a title and a UID", file)
	}
	return d, nil
}

// eachFile reads the files in a folder of GF_PATHS_PROVISIONING, of which there must be one.
func eachFile(set settings, folder string, read func(file string) error) error {
	files, err := filepath.Glob(filepath.Join(set["GF_PATHS_PROVISIONING"], folder, "*.y*ml"))
	if err == nil && len(files) == 0 {
		err = errors.New("no files in " + folder)
	}
	if err != nil {
		return fmt.Errorf("GF_PATHS_PROVISIONING=%s: %w", set["GF_PATHS_PROVISIONING"], err)
	}
	for _, file := range files {
		if err := read(file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// readStrictly reads YAML; fields that the value lacks are errors.
func readStrictly(file string, into any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	return decoder.Decode(into)
}
