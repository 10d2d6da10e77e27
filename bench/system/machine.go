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

// machine is the machine and the software of a sitting.
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

// commit returns the commit of the code, ignoring changes of results and of
// pages generated from them.
func commit() string {
	hash := said("git", "rev-parse", "--short", "HEAD")
	if said("git", "status", "--porcelain", "--", ":/", ":(top,exclude)bench/results", ":(top,exclude)docs") != "" {
		return hash + " with changes"
	}
	return hash
}

// said returns the output of a program, or nothing if it cannot be run.
func said(name string, args ...string) string {
	out, _ := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(out))
}

// fieldOf returns the first value of a name in a file of "name: value" lines;
// empty if there is none.
func fieldOf(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.SplitSeq(string(text), "\n") {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
