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

// Link is a proxy before a server, which can be made to fail.
type Link struct {
	proxy *toxiproxy.Proxy
}

// NewLink listens on a free loopback port and forwards to a server.
func NewLink(name, server string) (*Link, error) {
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(api, name, "127.0.0.1:0", server)
	if err := proxy.Start(); err != nil {
		return nil, fmt.Errorf("link to %s: %w", server, err)
	}
	return &Link{proxy}, nil
}

// Addr is the address for clients of the server.
func (l *Link) Addr() string { return l.proxy.Listen }

// Toxic is a fault of a link, of one of toxiproxy's types.
type Toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // upstream: to the server; downstream: from it
	Attributes map[string]any `json:"attributes"`
}

// Degrade applies a toxic to the link for a while.
func (l *Link) Degrade(ctx context.Context, t Toxic, d time.Duration) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	toxic, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(string(text)))
	if err != nil {
		return fmt.Errorf("toxic %s: %w", text, err)
	}
	Sleep(ctx, d)
	return l.proxy.Toxics.RemoveToxic(context.WithoutCancel(ctx), toxic.Name)
}

// Sever breaks all connections and refuses new ones for a while.
func (l *Link) Sever(ctx context.Context, d time.Duration) error {
	l.proxy.Stop()
	Sleep(ctx, d)
	return l.proxy.Start()
}

// Close severs the link for good.
func (l *Link) Close() { l.proxy.Stop() }

// Sleep waits for d or until ctx is done.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
