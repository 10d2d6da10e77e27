// Package admin serves metrics, health and profiles of a program over HTTP.
package admin

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/pprof"
	"strings"
)

// Options says what is served. What is nil is not.
type Options struct {
	Metrics http.Handler                 // /metrics
	Queue   http.Handler                 // /metrics/queue
	Live    func() []string              // /livez: what hangs
	Ready   func(context.Context) Report // /readyz
	Pprof   bool                         // /debug/pprof/
}

// page is a path that the landing page lists.
type page struct{ Path, About string }

// Handler returns the handler of all paths.
func Handler(opts Options) http.Handler {
	mux := http.NewServeMux()
	var pages []page
	serve := func(path, about string, h http.Handler) {
		mux.Handle("GET "+path, h)
		pages = append(pages, page{path, about})
	}
	if opts.Metrics != nil {
		serve("/metrics", "metrics of this process, for Prometheus", opts.Metrics)
	}
	if opts.Queue != nil {
		serve("/metrics/queue", "metrics of the queue, which are the same from all workers", opts.Queue)
	}
	if opts.Live != nil {
		serve("/livez", "200, or 503 if the process hangs and should be restarted", live(opts.Live))
	}
	if opts.Ready != nil {
		serve("/readyz", "200, or 503 if a server fails or nothing is read, as JSON", ready(opts.Ready))
	}
	if opts.Pprof {
		serve("/debug/pprof/", "profiles, for go tool pprof", http.HandlerFunc(pprof.Index))
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	mux.Handle("GET /{$}", landing(pages))
	return mux
}

func live(hangs func() []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, status := "ok\n", http.StatusOK
		if found := hangs(); len(found) > 0 {
			text, status = strings.Join(found, "\n")+"\n", http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	})
}

func ready(report func(context.Context) Report) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, status := report(r.Context()), http.StatusOK
		if !found.Ready {
			status = http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(found) // fails only if the client has gone
	})
}

// landingPage has one verb, for the list. It is no template: with text/template the linker
// keeps every exported method of all types.
//
//go:embed landing.html
var landingPage string

func landing(pages []page) http.Handler {
	var list strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&list, "<li><a href=\".%s\">%s</a>: %s</li>\n", p.Path, p.Path, html.EscapeString(p.About))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		fmt.Fprintf(w, landingPage, list.String())
	})
}
