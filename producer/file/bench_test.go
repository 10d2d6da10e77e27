package file_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"ingestion/producer/file"
)

func BenchmarkRead(b *testing.B) {
	const records = 10_000
	var lines, rows, quoted strings.Builder
	rows.WriteString(header)
	quoted.WriteString(header)
	for i := range records {
		fmt.Fprintf(&lines, `{"customerId":"c%d","name":"Ada Lovelace","email":"ada%d@quillmarsh.net","createdAt":"2024-01-15T13:30:59.123Z"}`+"\n", i, i)
		fmt.Fprintf(&rows, "c%d,Ada Lovelace,ada%d@quillmarsh.net,2024-01-15T13:30:59.123Z\n", i, i)
		fmt.Fprintf(&quoted, `"c%d","Lovelace, ""Ada""","ada%d@quillmarsh.net","2024-01-15T13:30:59.123Z"`+"\r\n", i, i)
	}
	array := "[" + strings.ReplaceAll(strings.TrimSpace(lines.String()), "\n", ",\n") + "]"
	for name, text := range map[string]string{
		"NDJSON": lines.String(), "NDJSON with CR": strings.ReplaceAll(lines.String(), "\n", "\r"),
		"CSV": rows.String(), "CSV in quotes": quoted.String(), "JSON array": array, "gzip": string(packed(rows.String())), "zstd": string(zipped(rows.String())),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := file.NewReader(bytes.NewReader([]byte(text)), file.Options{})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for ; ; n++ {
					if _, err := r.Next(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
				if n != records {
					b.Fatalf("%d records", n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
		})
	}
}

// The time to find a header is proportional to the number of lines and columns.
func BenchmarkHeader(b *testing.B) {
	for name, part := range map[string]string{"blank lines": "\n", "rows of commas": ",,,\n", "repeated columns": "x,"} {
		for _, n := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				text := strings.Repeat(part, n) + header
				for b.Loop() {
					if _, err := file.NewReader(strings.NewReader(text), file.Options{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/part")
			})
		}
	}
}

func BenchmarkSheet(b *testing.B) {
	const records = 10_000
	f := excelize.NewFile()
	defer f.Close()
	must(b, f.SetSheetRow("Sheet1", "A1", &[]any{"customerId", "name", "email", "createdAt"}))
	for i := range records {
		at := time.Date(2024, 1, 15, 13, 30, 59, 0, time.UTC).Add(time.Duration(i) * time.Minute)
		must(b, f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+2), &[]any{i, "Ada Lovelace", fmt.Sprintf("ada%d@quillmarsh.net", i), at}))
	}
	var content bytes.Buffer
	must(b, f.Write(&content))
	b.ReportAllocs()
	for b.Loop() {
		r, err := file.NewReader(bytes.NewReader(content.Bytes()), file.Options{})
		must(b, err)
		for err == nil {
			_, err = r.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		must(b, r.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}
