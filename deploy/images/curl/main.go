// Command curl replaces curl in the stand-in image of Grafana, for the health check only: it
// ignores its options, gets the URL, its last argument, and exits with curl's code 22 unless the
// status is 200.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"
)

const timeout = 5 * time.Second

func main() {
	if err := get(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(22)
	}
}

func get(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
