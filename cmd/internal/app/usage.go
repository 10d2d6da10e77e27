package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ingestion/internal/plural"
)

// RunsAlone annotates a command with subcommands that does more than show its help.
const RunsAlone = "runs alone"

// explainUsage makes all commands of root report wrong usage in plain words, with what
// was probably meant. An error of a command's own Args or flags that says more, a
// SetupError, is left as it is.
func explainUsage(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetFlagErrorFunc(explainFlag)
	each(root, func(cmd *cobra.Command) {
		cmd.Args = explained(cmd.Args)
		if !cmd.Runnable() { // cobra checks the arguments only of what it can run
			cmd.Args = explained(cobra.NoArgs)
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	})
	explainHelp(root)
}

// explained is check with an error by explainArgs.
func explained(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		var own *SetupError
		if err == nil || errors.As(err, &own) {
			return err
		}
		return explainArgs(cmd, args)
	}
}

func each(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		each(sub, do)
	}
}

// explainHelp makes "help" fail for what is not a command.
func explainHelp(root *cobra.Command) {
	help, _, err := root.Find([]string{"help"})
	if err != nil || help == root {
		return
	}
	show := help.Run
	help.Run = nil
	help.RunE = func(cmd *cobra.Command, args []string) error {
		found, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 && found.HasAvailableSubCommands() {
			return UsageError(explainArgs(found, rest))
		}
		show(cmd, args)
		return nil
	}
}

// explainArgs says what is wrong with the arguments of a command. Its usage line names
// those that it takes.
func explainArgs(cmd *cobra.Command, args []string) error {
	if cmd.HasAvailableSubCommands() && len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	_, wanted, _ := strings.Cut(cmd.Use, " ")
	n := len(strings.Fields(wanted))
	switch {
	case n == 0 && len(args) > 0:
		return fmt.Errorf("takes no argument, but got %q", args[0])
	case len(args) < n:
		return fmt.Errorf("needs %s, for example: %s", strings.Join(strings.Fields(wanted)[len(args):], " "), firstExample(cmd))
	default:
		return fmt.Errorf("takes %s, but got %s", plural.Of(n, "argument", "arguments"), strings.Join(quotedAll(args), " "))
	}
}

func quotedAll(words []string) []string {
	var all []string
	for _, word := range words {
		all = append(all, strconv.Quote(word))
	}
	return all
}

// firstExample returns the first command line of a command's examples, or its usage.
func firstExample(cmd *cobra.Command) string {
	for line := range strings.Lines(cmd.Example) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return cmd.UseLine()
}

// unknownCommand suggests a command of the same parent with a similar name, or one
// with the same name elsewhere.
func unknownCommand(parent *cobra.Command, name string) error {
	var elsewhere []string
	names := commandNames(parent)
	each(parent.Root(), func(cmd *cobra.Command) {
		if cmd.Name() == name && cmd.Parent() != parent && cmd.IsAvailableCommand() {
			elsewhere = append(elsewhere, cmd.CommandPath())
		}
	})
	if name == "version" && len(elsewhere) == 0 {
		elsewhere = []string{parent.Root().CommandPath() + " --version"}
	}
	if near := nearest(name, names); near != "" {
		elsewhere = []string{parent.CommandPath() + " " + near}
	} else if load := fileCommand(parent); load != nil && strings.ContainsAny(name, "./") {
		elsewhere = []string{load.CommandPath() + " " + name}
	}
	if len(elsewhere) > 0 {
		return fmt.Errorf("unknown command %q: did you mean %q?", name, elsewhere[0])
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "completion" || name == "help" })
	if _, alone := parent.Annotations[RunsAlone]; alone {
		return fmt.Errorf("unknown command %q: want %s, or no command to run the %s", name, strings.Join(names, ", "), parent.Name())
	}
	return fmt.Errorf("unknown command %q: want one of %s", name, strings.Join(names, ", "))
}

// fileCommand returns a command of parent that takes a file, or nil.
func fileCommand(parent *cobra.Command) *cobra.Command {
	for _, sub := range parent.Commands() {
		if strings.Contains(sub.Use, " FILE") {
			return sub
		}
	}
	return nil
}

func commandNames(parent *cobra.Command) []string {
	var names []string
	for _, sub := range parent.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	return names
}

// nearest returns the name that begins with word or with which word begins, or that
// differs from it by so few characters that it was probably meant, or "".
func nearest(word string, names []string) string {
	word = strings.ToLower(word)
	distance := func(name string) int { return levenshtein.ComputeDistance(word, name) }
	near := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		begun := len(word) >= 2 && strings.HasPrefix(name, word) || len(name) >= 3 && strings.HasPrefix(word, name)
		return !begun && distance(name) > min(2, len(name)/2)
	})
	if len(near) == 0 {
		return ""
	}
	return slices.MinFunc(near, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
}

// explainFlag puts an error of pflag into words.
func explainFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &bare):
		return fmt.Errorf("--%s needs a value: %s", bare.GetFlag().Name, usageOf(bare.GetFlag()))
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s: %s", invalid.GetFlag().Name, badValue(invalid))
	case errors.As(err, &syntax):
		return fmt.Errorf("%q is not a flag", syntax.GetSpecifiedFlag())
	default:
		return err
	}
}

func usageOf(flag *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(flag)
	return usage
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	name, given := err.GetSpecifiedName(), "--"+err.GetSpecifiedName()
	if letters := err.GetSpecifiedShortnames(); letters != "" {
		given = shorthandGiven(letters)
		name = strings.TrimLeft(given, "-")
		name, _, _ = strings.Cut(name, "=")
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := nearest(name, names); near != "" {
		return fmt.Errorf("unknown flag %s: did you mean --%s?", given, near)
	}
	if near := nearest(name, commandNames(cmd)); near != "" {
		return fmt.Errorf("unknown flag %s: did you mean %q?", given, cmd.CommandPath()+" "+near)
	}
	return fmt.Errorf("unknown flag %s", given)
}

// shorthandGiven returns the argument that has these letters after a single hyphen,
// such as -limit, of which pflag reports the letters from the first unknown one on.
func shorthandGiven(letters string) string {
	for _, arg := range os.Args[1:] {
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, letters) {
			return arg
		}
	}
	return "-" + letters
}

// badValue says why the value of a flag can't be read.
func badValue(err *pflag.InvalidValueError) string {
	value := strconv.Quote(err.GetValue())
	kind := err.GetFlag().Value.Type()
	var number *strconv.NumError
	switch {
	case kind == "stringSlice":
		return value + " has a quote that is not closed"
	case !errors.As(err, &number):
		return errors.Unwrap(err).Error()
	case errors.Is(number, strconv.ErrRange):
		return value + " is out of range"
	}
	switch kind {
	case "bool":
		return value + " is neither true nor false"
	case "float64":
		return value + " is not a number"
	case "uint64":
		return value + " is not a whole number from 0"
	default:
		return value + " is not a whole number"
	}
}
