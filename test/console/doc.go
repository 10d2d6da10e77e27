// Package console looks at the console's pages in Chromium, on a redis-server that is full of
// ordinary and of hostile data.
//
//	go test ./test/console -update
//
// also writes the pictures of docs/console.md. Look at them.
package console
