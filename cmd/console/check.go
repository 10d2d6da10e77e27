package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/web"
	"ingestion/internal/config"
)

const checkTimeout = 30 * time.Second

// startChecks asks both servers once, and logs what is wrong with them, as other programs
// do that can't work then. The console goes on, since its pages show that too. The function
// waits for the end of the checks.
func startChecks(ctx context.Context, cfg *config.Config, sources *web.Sources, log *slog.Logger) (wait func()) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	var checks sync.WaitGroup
	check := func(server, prefix string, ask func() error) {
		checks.Go(func() {
			if err := ask(); err != nil && ctx.Err() == nil {
				log.Warn("warning", "status", "error", "server", server, "reason", prefix+err.Error())
			}
		})
	}
	check("Redis", "", func() error { return app.CheckRedis(ctx, cfg, sources.Redis) })
	check("MongoDB", "MONGO_URI: ", func() error { return sources.Database.Check(ctx) })
	return func() {
		cancel()
		checks.Wait()
	}
}
