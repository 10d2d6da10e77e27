package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"ingestion/internal/letters"
)

// inEditor returns the body as a person has edited it. As long as it breaks a rule, it may
// be edited again.
func (s *session) inEditor(cmd *cobra.Command, l *letters.Letter) ([]byte, error) {
	file, err := os.CreateTemp("", "dead-letter-*.json") // only its owner may read it
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(forEditing([]byte(l.Data)))
	if err = cmp.Or(err, file.Close()); err != nil {
		return nil, err
	}
	for {
		body, err := runEditor(cmd, file.Name())
		if err != nil {
			return nil, err
		}
		body = asSent(body, l)
		invalid := s.valid(body)
		if invalid == nil || bytes.Equal(body, []byte(l.Data)) {
			return body, nil
		}
		fmt.Fprintf(s.err, "the worker would refuse it: %v\n", invalid)
		if again, err := answeredYes(cmd, "Edit it again?"); err != nil || !again {
			return body, err
		}
	}
}

func runEditor(cmd *cobra.Command, path string) ([]byte, error) {
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi")
	run := exec.CommandContext(cmd.Context(), "sh", "-c", editor+` "$1"`, "sh", path)
	run.Stdin, run.Stdout, run.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("the editor %q (from VISUAL or EDITOR) has failed, and nothing was changed: %w", editor, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBody(f)
}

// forEditing returns a JSON object with each member on a line, and anything else as it is.
func forEditing(body []byte) []byte {
	value := jsontext.Value(bytes.Clone(body))
	if _, ok := letters.Members(body); !ok || value.Indent(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return append(bytes.Clone(body), '\n')
	}
	return append(value, '\n')
}

// asSent returns an edited JSON object on one line again; the body of the letter, to the
// byte, if only spaces were changed.
func asSent(edited []byte, l *letters.Letter) []byte {
	now, before := jsontext.Value(bytes.Clone(edited)), jsontext.Value(l.Data)
	options := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	if now.Compact(options...) != nil {
		return edited
	}
	if l.Fields == nil && before.Compact(options...) == nil && bytes.Equal(now, before) {
		return []byte(l.Data)
	}
	return now
}
