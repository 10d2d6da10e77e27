package main

import (
	"os"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/unicode"
)

// TestRejectsAreRejectedAgain: a file of rejected rows has nothing that is accepted before
// a person has mended it.
func TestRejectsAreRejectedAgain(t *testing.T) {
	server := ownQueue(t)
	const (
		good = `{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024"}`
		long = "2,\"Eve,e@quillmarsh.net,2024\n3,Bob,b@quillmarsh.net,2024\n4,Zoe\",z@quillmarsh.net,2024\n"
	)
	utf16 := func(text string) string {
		encoded, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
		must(t, err)
		return strings.ReplaceAll(encoded, "?\x00", "\x00\xd8")
	}
	for name, c := range map[string]struct {
		content  string
		args     []string
		rejected int
	}{
		"no character of windows-1252":       {headerLine + goodLine + "2,\x81,b@quillmarsh.net,2024\n", []string{"--encoding", "windows-1252"}, 1},
		"no character of Latin-1":            {headerLine + goodLine + "2,\x81,b@quillmarsh.net,2024\n", []string{"--encoding", "latin1"}, 1},
		"no character of UTF-16":             {utf16(headerLine + goodLine + "2,?,b@quillmarsh.net,2024\n"), nil, 1},
		"NDJSON that is not windows-1252":    {good + "\n" + strings.Replace(good, "A", "\x81", 1) + "\n", []string{"--encoding", "windows-1252"}, 1},
		"NDJSON with letters before a fault": {good + "\n" + strings.Replace(good, "A\"", "\xe9\",\"n\":{{", 1) + "\n" + strings.Replace(good, "A", "\x81", 1) + "\n", []string{"--encoding", "windows-1252"}, 2},
		"JSON that is not Latin-1":           {"[" + good + ",\n" + strings.Replace(good, "A", "\x81", 1) + "]", []string{"--encoding", "latin1"}, 1},
		"values that are no objects":         {"[null,3," + good + ",true,\"x\"]", nil, 4},
		"null before a bad object":           {"[null," + good + ",3,{}]", nil, 3},
		"an array of a record":               {"[" + good + ",[" + good + "],{}]", nil, 2},
		"a line with an array":               {good + "\n[" + good + "]\n{}\n", nil, 2},
		"a formula":                          {brokenSheet(t), []string{"--map", `name=name+" "+title`}, 2},
		"no value of a database":             {headerLine + goodLine + "2,\\N,b@quillmarsh.net,2024\n", nil, 1},
		"no value, without quotes":           {headerLine + goodLine + "2,\\N,b@quillmarsh.net,2024\n3,Tim \"5,c@quillmarsh.net,\\N\n", []string{"--quote", "none"}, 2},
		"NDJSON that was joined":             {good + "\n\ufeff" + good + "\n", nil, 1},
		"a mark in a row, no header":         {goodLine + "\ufeff" + goodLine, []string{"--no-header", strings.TrimSpace(headerLine)}, 1},
		"a mark in a row, delimiter":         {goodLine + "\ufeff" + goodLine, []string{"--no-header", strings.TrimSpace(headerLine), "--delimiter", ","}, 1},
		"a line sep= in rows":                {goodLine + "sep=,\n", []string{"--no-header", strings.TrimSpace(headerLine), "--delimiter", ","}, 1},
		"rows within a name":                 {headerLine + goodLine + long, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			flags := append(c.args, "--validate", "--allow-invalid", "100%", "--source=")
			rejects := t.TempDir() + "/r"
			execute(t, append([]string{"load", write(t, "x", c.content), "--rejects", rejects}, flags...)...).want(t, 0, "1 record sent", plain(c.rejected)+" rejected")
			if got := customersOf(t, takeQueue(t, server)); len(got) != 1 || got[0].CustomerID != "1" {
				t.Errorf("sent %v", got)
			}
			content, err := os.ReadFile(rejects)
			must(t, err)
			a := execute(t, append([]string{"load", rejects}, flags...)...)
			if sent := takeQueue(t, server); len(sent) > 0 || a.code == 0 && !strings.Contains(a.stderr, "0 records sent") || a.code == 0 && !strings.Contains(a.stderr, plain(c.rejected)+" rejected") {
				t.Errorf("sent %q of %q\n%+v", sent, content, a)
			}
		})
	}
}

func plain(n int) string { return string(rune('0' + n)) }

// brokenSheet returns a spreadsheet with a row that is right, though a cell that is in no
// record is broken, and two rows with a formula that was never calculated.
func brokenSheet(t *testing.T) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must(t, f.SetSheetRow("Sheet1", "A1", &[]any{"customerId", "name", "email", "createdAt", "title", "sum"}))
	for i, row := range []string{"A2", "A3", "A4"} {
		must(t, f.SetSheetRow("Sheet1", row, &[]any{i + 1, "Ada", "ada@quillmarsh.net", "2024", "Countess"}))
	}
	for _, cell := range []string{"F2", "B3", "B4"} {
		must(t, f.SetCellValue("Sheet1", cell, nil))
		must(t, f.SetCellFormula("Sheet1", cell, "1+1"))
	}
	b, err := f.WriteToBuffer()
	must(t, err)
	return b.String()
}
