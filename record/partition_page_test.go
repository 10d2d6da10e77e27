package record_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ingestion/internal/test/need"
	"ingestion/record"
)

// vectors are the rows of the table of partitions in docs/producers.md.
func vectors(t *testing.T, page string) [][]string {
	t.Helper()
	rows := regexp.MustCompile("(?m)^\\| `(.+)` \\| `([0-9a-f]{8})` \\| (\\d+) \\| (\\d+) \\| (\\d+) \\|$").FindAllStringSubmatch(page, -1)
	if len(rows) < 5 {
		t.Fatalf("only %d rows", len(rows))
	}
	return rows
}

func producersPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/producers.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestThePageHasTheRightPartitions(t *testing.T) {
	for _, row := range vectors(t, producersPage(t)) {
		const most = 1<<32 - 1 // partitions: then the partition is the hash
		if got := fmt.Sprintf("%08x", record.HomePartition(row[1], most)); got != row[2] {
			t.Errorf("%s: the hash is %s, the page has %s", row[1], got, row[2])
		}
		for i, partitions := range []int{4, 8, 64} {
			if got := strconv.Itoa(record.HomePartition(row[1], partitions)); got != row[3+i] {
				t.Errorf("%s of %d: %s, the page has %s", row[1], partitions, got, row[3+i])
			}
		}
	}
}

// pythonPartitions prints the partitions of the page's Python for each line of standard
// input, a customerId. It runs only the function, which needs no library.
const pythonPartitions = `
import ast, sys
source, *partitions = sys.argv[1:]
functions = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == "partition"]
exec(compile(ast.Module(functions, []), "page", "exec"))
for line in sys.stdin.buffer.read().decode("utf-8").splitlines():
    print(*(partition(" " + line + " ", int(n)) for n in partitions))
`

func TestThePagesPythonAgrees(t *testing.T) {
	need.Program(t, "python3")
	page := producersPage(t)
	_, rest, _ := strings.Cut(page, "```python\n")
	source, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no Python")
	}
	var in, want strings.Builder
	for _, row := range vectors(t, page) {
		fmt.Fprintln(&in, row[1])
		fmt.Fprintln(&want, row[3], row[4], row[5])
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", pythonPartitions, source, "4", "8", "64")
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != want.String() {
		t.Errorf("%v:\n%s\nwant\n%s", err, out, want.String())
	}
}
