package main

import (
	"context"
	"strings"
)

// documents are the files of the repository in every archive, as git names them: what an
// operator reads, and the settings of other services. They have the paths that they have in
// the repository, because they link to each other.
var documents = []string{
	".env.example", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "docs", "console/example_test.go",
	"deploy/grafana", "deploy/helm", "deploy/mongo", "deploy/prometheus", "deploy/redis",
	":!deploy/helm/check", ":!deploy/prometheus/tests",
}

// documentsOf returns the documents that are in the repository, by their paths.
func documentsOf(ctx context.Context) (map[string]string, error) {
	listed, err := git(ctx, append([]string{"ls-files", "-z", "--"}, documents...)...)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(listed, "\x00"), "\x00") {
		files[name] = name
	}
	return files, nil
}
