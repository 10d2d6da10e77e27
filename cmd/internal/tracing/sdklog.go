package tracing

import (
	"errors"

	"github.com/go-logr/logr"
)

// sdkLog is what OpenTelemetry's SDK logs to. By default that is standard error, with the
// value of a variable that it can't parse: with the tokens of OTEL_EXPORTER_OTLP_HEADERS,
// and the password of an endpoint.
type sdkLog struct{ failures *errorLog }

var _ logr.LogSink = sdkLog{}

// Error logs what failed, but neither values nor the error, which may quote them.
func (l sdkLog) Error(_ error, message string, _ ...any) {
	l.failures.Handle(errors.New("the OTEL_ variables have a fault: " + message))
}

func (sdkLog) Init(logr.RuntimeInfo)            {}
func (sdkLog) Enabled(int) bool                 { return false }
func (sdkLog) Info(int, string, ...any)         {}
func (l sdkLog) WithValues(...any) logr.LogSink { return l }
func (l sdkLog) WithName(string) logr.LogSink   { return l }
