package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"ingestion/bench/internal/local"
)

// machine is where and with what a sitting took place.
type machine struct {
	Date   string `json:"date"`
	Commit string `json:"commit"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	System string `json:"system"`
	Go     string `json:"go"`
	Redis  string `json:"redis"`
}

func thisMachine(ctx context.Context, redis *local.Redis) *machine {
	return &machine{
		Date:   time.Now().UTC().Format(time.DateOnly),
		Commit: commit(),
		CPU:    fieldOf("/proc/cpuinfo", "model name"),
		Cores:  runtime.NumCPU(),
		System: said("uname", "-sr"),
		Go:     runtime.Version(),
		Redis:  redis.Client.InfoMap(ctx, "server").Item("Server", "redis_version"),
	}
}

// commit is that of the code; results and pages made of them do not count.
func commit() string {
	hash := said("git", "rev-parse", "--short", "HEAD")
	if said("git", "status", "--porcelain", "--", ":/", ":(top,exclude)bench/results", ":(top,exclude)docs") != "" {
		return hash + " with changes"
	}
	return hash
}

// said is what a program prints, or nothing where it can't be run.
func said(name string, args ...string) string {
	out, _ := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(out))
}

// fieldOf is the first value of a name in a file of such lines; empty where
// there is none.
func fieldOf(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.SplitSeq(string(text), "\n") {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
