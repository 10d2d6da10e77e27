package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"ingestion/internal/config"
	"ingestion/store"
)

// Initiate prepares MongoDB for workers, as "worker init" says, and prints what it did to w. It waits for
// MongoDB for STARTUP_TIMEOUT_SEC at most.
func Initiate(ctx context.Context, w io.Writer) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler) // it ends before a file changes
	opts, err := mongoOptions(cfg, quiet)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.StartupTimeout.Duration())
	defer cancel()
	set, err := store.Initiate(ctx, opts)
	if err != nil {
		return explainMongo(cfg, err)
	}
	client, _, err := connectMongo(ctx, cfg, quiet, nil)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "MongoDB at %s is ready; %s%s\n", cfg.MongoURI, describeSet(set), describeIndex(cfg)); err != nil {
		return fmt.Errorf("printing what was done: %w", err)
	}
	return disconnect(ctx, client)
}

func describeSet(set store.ReplicaSet) string {
	switch {
	case set.Initiated:
		return "initiated the replica set " + set.Name + ", of this server only"
	case set.Name != "":
		return "the replica set " + set.Name + " was initiated before"
	default:
		return "no replica set to initiate"
	}
}

func describeIndex(cfg *config.Config) string {
	if !cfg.MongoIndexes {
		return ""
	}
	return "; " + cfg.MongoDB + "." + cfg.MongoCollection + " has its index"
}
