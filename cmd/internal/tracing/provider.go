package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
)

// flushTime bounds the export of the last spans at the end of the program.
const flushTime = 3 * time.Second

// errorInterval is the time after which errors of the export are logged again.
const errorInterval = time.Minute

// provide returns a provider whose spans are exported, or nil if traces are off: that is
// the case unless the variables name an exporter or an endpoint. Traces are never a reason
// to fail, so wrong variables and failed exports are logged. links is the most links of a
// span, unless the variables limit them. Call stop at the end, which exports the last spans.
func provide(ctx context.Context, service string, links int, cfg *config.Config, log *slog.Logger) (provider trace.TracerProvider, stop func()) {
	for name, value := range cfg.OTel() {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value)
		}
	}
	if !enabled() {
		return nil, func() {}
	}
	failures := &errorLog{log: log}
	otel.SetErrorHandler(failures)
	otel.SetLogger(logr.New(sdkLog{failures}))
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		log.Warn("warning", "status", "error", "reason", fmt.Sprintf(
			"traces are off: OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_PROTOCOL or another OTEL_ variable is wrong: %v", err))
		return nil, func() {}
	}
	sdk := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxExportBatchSize(spansPerRequest())),
		sdktrace.WithResource(resourceOf(ctx, service)),
		sdktrace.WithRawSpanLimits(limits(links)),
	)
	return sdk, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := sdk.Shutdown(ctx); err != nil {
			failures.Handle(err)
		}
	}
}

// spansPerRequest is less than the SDK's default of 512: at 60 bytes and more for each link
// of a batch, a request would exceed the 4 MiB that collectors accept by gRPC.
func spansPerRequest() int {
	if n, err := strconv.Atoi(os.Getenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")); err == nil && n > 0 {
		return n
	}
	return 128
}

// enabled reports whether the variables ask for traces. The SDK for Go itself reads none
// of these variables.
func enabled() bool {
	if strings.EqualFold(strings.TrimSpace(os.Getenv("OTEL_SDK_DISABLED")), "true") {
		return false
	}
	if exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter != "" {
		return exporter != "none"
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// resourceOf describes this program. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come
// last, so they override what is known here.
func resourceOf(ctx context.Context, service string) *resource.Resource {
	r, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(app.Release())),
		resource.WithFromEnv(),
	)
	if err != nil {
		otel.Handle(err) // r has what could be read
	}
	return r
}

// limits are those of the variables, except that a span may have more links than the
// default, 128: one for each record of a batch.
func limits(links int) sdktrace.SpanLimits {
	l := sdktrace.NewSpanLimits()
	if os.Getenv("OTEL_SPAN_LINK_COUNT_LIMIT") == "" {
		l.LinkCountLimit = max(links, sdktrace.DefaultLinkCountLimit)
	}
	return l
}

// errorLog logs errors of the export, at most one a minute.
type errorLog struct {
	log *slog.Logger

	mu     sync.Mutex
	logged time.Time
}

// Handle implements otel.ErrorHandler.
func (l *errorLog) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.logged) < errorInterval {
		return
	}
	l.logged = time.Now()
	l.log.Warn("warning", "status", "error", "reason", "traces are incomplete: "+err.Error())
}
