package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"ingestion/internal/test/dashboard"
)

// grafana is a client of the part of Grafana's HTTP API that shows a dashboard.
type grafana struct{ url, password string }

// errRefused says that Prometheus can't make sense of an expression.
var errRefused = errors.New("the expression is refused by Prometheus")

// prometheus returns the UID of the default data source.
func (g grafana) prometheus(ctx context.Context) (uid string, err error) {
	var all []struct {
		UID, Type string
		IsDefault bool
	}
	if err := g.get(ctx, "/api/datasources", true, &all); err != nil {
		return "", err
	}
	for _, d := range all {
		if d.IsDefault && d.Type == "prometheus" {
			return d.UID, nil
		}
	}
	return "", fmt.Errorf("no Prometheus is the default data source: %+v", all)
}

// home returns the home dashboard of whoever does not log in. It must also be among those that
// are provisioned.
func (g grafana) home(ctx context.Context) (dashboard.Dashboard, error) {
	var home, provisioned struct{ Dashboard dashboard.Dashboard }
	if err := g.get(ctx, "/api/dashboards/home", false, &home); err != nil {
		return home.Dashboard, err
	}
	err := g.get(ctx, "/api/dashboards/uid/"+url.PathEscape(home.Dashboard.UID), false, &provisioned)
	if err == nil && len(home.Dashboard.Expressions()) == 0 {
		err = fmt.Errorf("the home dashboard %q has no queries", home.Dashboard.Title)
	}
	return provisioned.Dashboard, err
}

// query returns how many results an expression has now.
func (g grafana) query(ctx context.Context, uid, expr string) (results int, err error) {
	var reply struct{ Data struct{ Result []any } }
	path := "/api/datasources/proxy/uid/" + url.PathEscape(uid) + "/api/v1/query?query=" + url.QueryEscape(expr)
	err = g.get(ctx, path, false, &reply)
	var status statusError
	if errors.As(err, &status) && status == http.StatusBadRequest {
		return 0, fmt.Errorf("%w %s: %w", errRefused, expr, err)
	}
	return len(reply.Data.Result), err
}

// statusError is the status of a reply that is not 200.
type statusError int

func (s statusError) Error() string { return http.StatusText(int(s)) }

func (g grafana) get(ctx context.Context, path string, asAdmin bool, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+path, nil)
	if err != nil {
		return err
	}
	if asAdmin {
		request.SetBasicAuth("admin", g.password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", path, statusError(response.StatusCode))
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
