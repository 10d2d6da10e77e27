package otlp

import (
	"context"
	"net"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// StartGRPC starts a collector that takes spans by gRPC, from those who send the header
// authorization with the given value. It is stopped when the test ends.
func StartGRPC(t testing.TB, authorization string) *Collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{URL: "http://" + listener.Addr().String()}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, &grpcService{c: c, authorization: authorization})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

type grpcService struct {
	collector.UnimplementedTraceServiceServer
	c             *Collector
	authorization string
}

// Export takes spans.
func (s *grpcService) Export(ctx context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	raw, err := proto.Marshal(request)
	if got := metadata.ValueFromIncomingContext(ctx, "authorization"); err != nil || len(got) != 1 || got[0] != s.authorization {
		return nil, status.Error(codes.Unauthenticated, "another authorization")
	}
	s.c.keep(request, raw)
	return &collector.ExportTraceServiceResponse{}, nil
}
