package main

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// handler answers with the paths and members of Grafana's HTTP API.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]string{"database": "ok", "version": "stand-in"})
	})
	mux.Handle("GET /api/datasources", s.admin(func(w http.ResponseWriter, _ *http.Request) { reply(w, s.datasources) }))
	mux.Handle("GET /api/dashboards/home", s.viewer(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"meta": map[string]bool{"isHome": true}, "dashboard": s.home.model})
	}))
	mux.Handle("GET /api/dashboards/uid/{uid}", s.viewer(func(w http.ResponseWriter, r *http.Request) {
		found, ok := s.dashboards[r.PathValue("uid")]
		if !ok {
			fail(w, http.StatusNotFound, "Dashboard not found")
			return
		}
		reply(w, map[string]any{"meta": map[string]bool{"provisioned": true}, "dashboard": found.model})
	}))
	for _, d := range s.datasources {
		path := "/api/datasources/proxy/uid/" + d.UID
		mux.Handle(path+"/", s.viewer(http.StripPrefix(path, proxy(d.URL)).ServeHTTP))
	}
	return mux
}

// proxy forwards requests to a data source.
func proxy(address string) http.Handler {
	target, err := url.Parse(address)
	if err != nil {
		panic(err) // addDatasource has parsed it
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Authorization") // it is Grafana's, not the data source's
	}}
}

// viewer lets in admin and, if that is on, whoever does not say who they are.
func (s *site) viewer(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" && s.settings.on("GF_AUTH_ANONYMOUS_ENABLED") {
			next(w, r)
			return
		}
		s.admin(next).ServeHTTP(w, r)
	})
}

func (s *site) admin(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "admin" || password != s.settings["GF_SECURITY_ADMIN_PASSWORD"] {
			fail(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		next(w, r)
	})
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}
