package web

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"gocloud.dev/blob"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
)

// Sources is what the console reads. Open prepares it.
type Sources struct {
	Redis    redis.UniversalClient
	Database *app.LaterDatabase
	Bucket   *app.Later[*blob.Bucket] // nil: there is no archive
}

// Open prepares the clients, which connect on first use, as does the archive that a function
// opens; nil is none. Close closes them.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger, archive func() (*blob.Bucket, error)) (*Sources, error) {
	s := &Sources{}
	if archive != nil {
		s.Bucket = app.NewLater(archive)
	}
	var err error
	if s.Redis, err = app.ObserverRedis(cfg); err == nil {
		err = app.ObserveLayout(ctx, cfg)
	}
	if err == nil {
		s.Database, err = app.NewLaterDatabase(ctx, cfg, log)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes all that is open.
func (s *Sources) Close() {
	if s.Redis != nil {
		_ = s.Redis.Close()
	}
	if s.Database != nil {
		s.Database.Close()
	}
	if s.Bucket == nil {
		return
	}
	if bucket, opened := s.Bucket.Opened(); opened {
		_ = bucket.Close()
	}
}

// openBucket opens the archive; it is nil if there is none.
func (s *Sources) openBucket() func(context.Context) (*blob.Bucket, error) {
	if s.Bucket == nil {
		return nil
	}
	return s.Bucket.Get
}
