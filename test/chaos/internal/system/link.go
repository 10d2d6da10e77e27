package system

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is the way to a server, which can be made bad.
type Link struct {
	proxy *toxiproxy.Proxy
}

// NewLink listens on a port of its own and passes everything on to a server.
func NewLink(name, server string) (*Link, error) {
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(api, name, "127.0.0.1:0", server)
	if err := proxy.Start(); err != nil {
		return nil, fmt.Errorf("the link to %s: %w", server, err)
	}
	return &Link{proxy}, nil
}

// Addr is where clients of the server connect.
func (l *Link) Addr() string { return l.proxy.Listen }

// Toxic is a way in which a link is bad, of one of toxiproxy's types.
type Toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // upstream: to the server; downstream: from it
	Attributes map[string]any `json:"attributes"`
}

// Poison makes the link bad for a while.
func (l *Link) Poison(ctx context.Context, t Toxic, for_ time.Duration) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	toxic, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(string(text)))
	if err != nil {
		return fmt.Errorf("toxic %s: %w", text, err)
	}
	Pause(ctx, for_)
	return l.proxy.Toxics.RemoveToxic(context.WithoutCancel(ctx), toxic.Name)
}

// Sever breaks all connections and takes no new ones for a while.
func (l *Link) Sever(ctx context.Context, for_ time.Duration) error {
	l.proxy.Stop()
	Pause(ctx, for_)
	return l.proxy.Start()
}

// Close breaks the link for good.
func (l *Link) Close() { l.proxy.Stop() }

// Pause waits, at most until ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
