package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ingestion/cmd/internal/app"
)

// approval is what a command needs before it changes anything: --yes, or an answer.
type approval struct{ yes, dryRun bool }

func (a *approval) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.yes, "yes", false, "do not ask for confirmation")
	cmd.Flags().BoolVar(&a.dryRun, "dry-run", false, "show what would be done, and change nothing")
}

// check reports that nobody can be asked.
func (a *approval) check(cmd *cobra.Command) error {
	if a.yes || a.dryRun || asksPeople(cmd) {
		return nil
	}
	return app.UsageError(errors.New("confirm with --yes, or use --dry-run to see what would be done"))
}

func asksPeople(cmd *cobra.Command) bool {
	in, ok := cmd.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(in.Fd()))
}

var errDeclined = errors.New("not confirmed: nothing was changed")

// ask asks a question, unless --yes has answered it, and returns errDeclined without a yes.
func (a *approval) ask(cmd *cobra.Command, question string) error {
	if a.yes {
		return nil
	}
	yes, err := answeredYes(cmd, question)
	if err == nil && !yes {
		err = errDeclined
	}
	return err
}

// answeredYes asks on standard error and reads the answer. It returns errDeclined if the
// context ends meanwhile.
func answeredYes(cmd *cobra.Command, question string) (bool, error) {
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answer, err := answerLine(cmd.Context(), cmd.InOrStdin())
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr())
		return false, errDeclined
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

func answerLine(ctx context.Context, in io.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(in).ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
