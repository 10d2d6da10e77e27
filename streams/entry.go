package streams

import (
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The fields of a stream entry.
const (
	fieldData        = "data"
	fieldOrigin      = "origin"
	fieldAdmitAt     = "admitAt"
	fieldTraceParent = "traceparent"
)

func delivery(entry redis.XMessage, deliveries int64) Delivery {
	d := Delivery{ID: entry.ID, Deliveries: deliveries, ArrivedAt: arrival(entry.ID)}
	text := func(name string) string {
		s, _ := entry.Values[name].(string)
		return s
	}
	d.Origin = text(fieldOrigin)
	d.TraceParent = text(fieldTraceParent)
	d.AdmitAt = admission(text(fieldAdmitAt))
	if body, ok := entry.Values[fieldData].(string); ok {
		d.Body = []byte(body)
		return d
	}
	d.Fields = make(map[string]string, len(entry.Values))
	for name := range entry.Values {
		d.Fields[name] = text(name)
	}
	return d
}

// arrival is the ms part of an entry ID, which Redis gives by its own clock.
func arrival(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}
