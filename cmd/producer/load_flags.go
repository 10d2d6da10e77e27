package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ingestion/cmd/internal/app"
	"ingestion/producer"
	"ingestion/producer/file"
	"ingestion/producer/mapping"
)

// loadFlags are the flags of load as they are given.
type loadFlags struct {
	format, encoding, delimiter, quote, noHeader, sheet string

	maps                         []string
	preset, timeFormat, timeZone string

	validate, dryRun       bool
	allowInvalid, rejects  string
	summary, source        string
	rate                   float64
	fromLine, batch, shown int
	skipLines              int

	asIs bool

	given func(flag string) bool
}

func (f *loadFlags) register(flags *pflag.FlagSet) {
	f.given = flags.Changed
	flags.StringVar(&f.format, "format", "", "ndjson, json, csv or xlsx; detected by default")
	flags.StringVar(&f.encoding, "encoding", "", "utf-8, utf-16, latin1 or windows-1252; UTF-8 by default, or UTF-16 if the file says so")
	flags.StringVar(&f.delimiter, "delimiter", "", "the character between the fields of a row, or tab; detected by default")
	flags.StringVar(&f.quote, "quote", `"`, "the quote around fields that have delimiters, `\"|none`; with none, quotes are ordinary characters")
	flags.IntVar(&f.skipLines, "skip-lines", 0, "`number` of lines, or rows of a spreadsheet, before the header or the first record")
	flags.StringVar(&f.noHeader, "no-header", "", "the file has no header: the names of its `columns`, comma-separated")
	flags.StringVar(&f.sheet, "sheet", "", "name of the sheet of a spreadsheet; the only one with rows by default")
	flags.StringArrayVar(&f.maps, "map", nil, "`field=columns` that a field is made of; repeatable")
	flags.StringVar(&f.preset, "preset", "", "the columns of a vendor's export: "+strings.Join(presets(), ", "))
	flags.StringVar(&f.timeFormat, "time-format", "", "how createdAt is written: strftime (%d.%m.%Y), a Go layout (02.01.2006), unix, unix-ms or excel")
	flags.StringVar(&f.timeZone, "time-zone", "", "time zone of times without an offset, for example Europe/Berlin; UTC by default")
	flags.BoolVar(&f.validate, "validate", false, "do not send records that the worker would refuse")
	flags.StringVar(&f.allowInvalid, "allow-invalid", "0", "how many rows may be rejected, `N or P%`, before the exit code is 1")
	flags.StringVar(&f.rejects, "rejects", "", "write rejected rows to this `file`, and the reasons to file.reasons")
	flags.BoolVar(&f.dryRun, "dry-run", false, "read and validate the file, but send nothing; needs no Redis")
	flags.IntVar(&f.shown, "preview", 0, "show how the first `N` rows are read, and send nothing; needs no Redis")
	flags.StringVar(&f.summary, "summary", "", "write the result as JSON to this `file`; - is standard output")
	flags.StringVar(&f.source, "source", "", "`name` of the file in the entries' field source; \"\" leaves it out; the file's own name by default")
	flags.Float64Var(&f.rate, "rate", 0, "maximum records per second; 0 means no limit")
	flags.IntVar(&f.fromLine, "from-line", 1, "line of the file to begin with; the first is 1")
	flags.IntVar(&f.batch, "batch", 500, "maximum records in one batch")
	flags.BoolVar(&f.asIs, "as-is", false, "send each line as it is, also if the worker will refuse it: for what \"ingestctl dead export\" has written")
	flags.SortFlags = false
}

// complete offers the values of flags to a shell.
func (f *loadFlags) complete(cmd *cobra.Command) {
	for flag, values := range map[string][]string{
		"format": formats(), "preset": presets(), "encoding": {"utf-8", "utf-16", "latin1", "windows-1252"},
		"delimiter": {"comma", "semicolon", "tab", "bar"}, "quote": {"none"}, "time-format": {"unix", "unix-ms", "excel"},
	} {
		app.CompleteFlag(cmd, flag, values...)
	}
	app.CompleteFlag(cmd, "time-zone", zones...)
	fields := make([]string, len(fieldNames))
	for i, name := range fieldNames {
		fields[i] = name + "="
	}
	_ = cmd.RegisterFlagCompletionFunc("map", cobra.FixedCompletions(fields, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
}

// zones are what is completed for --time-zone. Any other IANA name is accepted.
var zones = []string{
	"UTC", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "America/Chicago", "America/Denver", "America/Los_Angeles",
	"America/Mexico_City", "America/New_York", "America/Sao_Paulo", "America/Toronto", "Asia/Dubai", "Asia/Hong_Kong",
	"Asia/Jakarta", "Asia/Kolkata", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Amsterdam",
	"Europe/Berlin", "Europe/Istanbul", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome", "Europe/Stockholm",
	"Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland",
}

// plan is what the flags ask for.
type plan struct {
	file             file.Options
	mapper           *file.Columns
	source           string
	validate, dryRun bool
	allowed          allowance
	rejects, summary string
	rate             float64
	batch            int
	preview          int

	given func(flag string) bool
	told  map[file.Hint]bool // hints that were given with a row
}

// plan checks the flags and returns all their faults at once.
func (f *loadFlags) plan(name string) (*plan, error) {
	var faults []error
	check := func(flag string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	p := &plan{
		file:   file.Options{Format: file.Format(strings.ToLower(f.format)), FromLine: f.fromLine, SkipLines: f.skipLines, Sheet: f.sheet},
		source: f.sourceOf(name), rejects: f.rejects, summary: f.summary,
		validate: f.validate || f.dryRun || f.shown > 0, dryRun: f.dryRun,
		rate: f.rate, batch: f.batch, preview: f.shown, given: f.given, told: map[file.Hint]bool{},
	}
	if name != "-" {
		p.file.Name = name
	}
	var err error
	check("format", oneOf(f.format, formats()))
	check("encoding", file.CheckEncoding(f.encoding))
	p.file.Encoding = f.encoding
	p.file.Delimiter, err = parseDelimiter(f.delimiter)
	check("delimiter", err)
	p.file.NoQuotes, err = parseQuote(f.quote)
	check("quote", err)
	p.file.Columns, err = f.columns()
	check("no-header", err)
	p.mapper, err = f.mapper()
	if err != nil {
		faults = append(faults, err)
	}
	p.allowed, err = parseAllowance(f.allowInvalid)
	check("allow-invalid", err)
	check("source", f.checkSource(p.source))
	check("rate", producer.CheckRate(f.rate))
	check("skip-lines", inRange(f.skipLines, f.skipLines >= 0, "want at least 0"))
	check("from-line", inRange(f.fromLine, f.fromLine >= 1, "the first line is 1"))
	check("batch", inRange(f.batch, f.batch >= 1 && f.batch <= 10_000, "want 1 to 10000"))
	check("preview", inRange(f.shown, f.shown >= 0 && (f.shown > 0 || !f.given("preview")), "want at least 1"))
	check("preview", f.noFiles())
	p.file.Mapper = p.mapper
	check("as-is", f.sendAsIs(p))
	return p, errors.Join(faults...)
}

// noFiles refuses the flags of files that a preview does not write.
func (f *loadFlags) noFiles() error {
	var flags []string
	for flag, value := range map[string]string{"--rejects": f.rejects, "--summary": f.summary} {
		if f.shown > 0 && value != "" {
			flags = append(flags, flag)
		}
	}
	if len(flags) == 0 {
		return nil
	}
	slices.Sort(flags)
	return fmt.Errorf("a preview writes no files: leave out %s, or use --dry-run instead", strings.Join(flags, " and "))
}

func formats() (names []string) {
	for _, format := range file.Formats() {
		names = append(names, string(format))
	}
	return names
}

// oneOf checks a value that may be left out.
func oneOf(value string, of []string) error {
	if value == "" || slices.Contains(of, strings.ToLower(value)) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", value, strings.Join(of, ", "))
}

func inRange(n int, ok bool, want string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%d is out of range: %s", n, want)
}

// parseDelimiter takes a character or the name of one.
func parseDelimiter(text string) (rune, error) {
	switch strings.ToLower(text) {
	case "":
		return 0, nil
	case "tab", `\t`:
		return '\t', nil
	case "comma":
		return ',', nil
	case "semicolon":
		return ';', nil
	case "bar", "pipe":
		return '|', nil
	}
	r, size := utf8.DecodeRuneInString(text)
	if size < len(text) || file.CheckDelimiter(r) != nil {
		return 0, fmt.Errorf("%q is not one character other than a quote, or tab", text)
	}
	return r, nil
}

// parseQuote reports whether the file has no quotes around fields.
func parseQuote(text string) (none bool, err error) {
	switch strings.ToLower(text) {
	case `"`, "double":
		return false, nil
	case "none", "":
		return true, nil
	}
	return false, fmt.Errorf("%q is neither \" nor none", text)
}

func (f *loadFlags) columns() ([]string, error) {
	if !f.given("no-header") {
		return nil, nil
	}
	columns := strings.Split(f.noHeader, ",")
	for i, name := range columns {
		columns[i] = strings.TrimSpace(name)
		if columns[i] == "" {
			return nil, fmt.Errorf("%q: column %d has no name", f.noHeader, i+1)
		}
		if slices.Contains(columns[:i], columns[i]) {
			return nil, fmt.Errorf("%q names the column %q twice", f.noHeader, columns[i])
		}
	}
	return columns, nil
}

// sourceOf returns the name of the file in the field source.
func (f *loadFlags) sourceOf(name string) string {
	switch {
	case f.given("source"):
		return f.source
	case name == "-":
		return ""
	}
	return filepath.Base(name)
}

const maxSource = 255 // bytes: as long as a file's name may be

func (f *loadFlags) checkSource(name string) error {
	switch {
	case len(name) > maxSource:
		return fmt.Errorf("%d bytes are too many: want at most %d", len(name), maxSource)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		err := fmt.Errorf("%q has characters that can't be printed", name)
		if !f.given("source") {
			return fmt.Errorf("%w; name the file with --source", err)
		}
		return err
	}
	return nil
}

// mapper returns the mapper for the flags that concern fields.
func (f *loadFlags) mapper() (*file.Columns, error) {
	var faults []error
	o := mapping.Options{Preset: f.preset, TimeFormat: f.timeFormat, Fields: map[string]string{}}
	for _, text := range f.maps {
		field, columns, ok := strings.Cut(text, "=")
		field = strings.TrimSpace(field)
		switch {
		case !ok || field == "":
			faults = append(faults, fmt.Errorf("--map: %q is not field=columns, for example customerId=\"Customer ID\"", text))
		case o.Fields[field] != "":
			faults = append(faults, fmt.Errorf("--map: the field %s is given twice", field))
		default:
			o.Fields[field] = columns
		}
	}
	if f.timeZone != "" {
		zone, err := time.LoadLocation(f.timeZone)
		if err != nil || f.timeZone == "Local" {
			faults = append(faults, fmt.Errorf("--time-zone: %q is not a time zone, such as Europe/Berlin or UTC", f.timeZone))
		}
		o.Zone = zone
	}
	if err := errors.Join(append(faults, blamed(o)...)...); err != nil {
		return nil, err
	}
	m, err := mapping.New(o)
	if err != nil {
		return nil, err
	}
	return file.MapColumns(m), nil
}

// blamed tries the options one by one, to name the flag that is wrong.
func blamed(o mapping.Options) (faults []error) {
	for flag, one := range map[string]mapping.Options{
		"map": {Fields: o.Fields}, "preset": {Preset: o.Preset}, "time-format": {TimeFormat: o.TimeFormat},
	} {
		if _, err := mapping.New(one); err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return faults
}

func presets() (names []string) {
	for _, p := range mapping.Presets() {
		names = append(names, p.Name)
	}
	return names
}

// allowance is how many rows may be rejected.
type allowance struct {
	rows    int
	percent float64 // of all rows; used if not negative
}

// decimal is how a number without a sign is written.
var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

func parseAllowance(text string) (allowance, error) {
	text = strings.TrimSpace(text)
	if number, ok := strings.CutSuffix(text, "%"); ok {
		number = strings.TrimSpace(number)
		percent, err := strconv.ParseFloat(number, 64)
		if err != nil || percent > 100 || !decimal.MatchString(number) {
			return allowance{}, fmt.Errorf("%q is not a percentage from 0%% to 100%%", text)
		}
		return allowance{percent: percent}, nil
	}
	rows, err := strconv.Atoi(text)
	if err != nil || !decimal.MatchString(text) {
		return allowance{}, fmt.Errorf("%q is neither a number of rows nor a percentage, such as 10 or 0.5%%", text)
	}
	return allowance{rows: rows, percent: -1}, nil
}

// exceeded reports whether too many of the rows are rejected.
func (a allowance) exceeded(rejected, rows int) bool {
	if a.percent < 0 {
		return rejected > a.rows
	}
	return float64(rejected)*100 > a.percent*float64(rows)
}

func (a allowance) String() string {
	switch {
	case a.percent >= 0:
		return strconv.FormatFloat(a.percent, 'g', -1, 64) + "%"
	case a.rows == 0:
		return "none"
	}
	return strconv.Itoa(a.rows)
}
