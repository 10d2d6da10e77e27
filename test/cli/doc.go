// Package cli tries out mistakes on the command lines of all programs. Its tests
// compare what a program answers with the transcripts in testdata:
//
//	go test ./test/cli -update
//
// runs their commands again and writes down the answers. Read them as someone who
// has just made that mistake.
package cli
