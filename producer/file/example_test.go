package file_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"ingestion/producer/file"
)

// A row that is not a record comes with its error, and reading continues.
func ExampleReader() {
	text := "Customer ID;name;email;createdAt\r\n" +
		"42;Ada Lovelace;ada@example.com;2024-01-15\r\n" +
		"7;Turing; Alan;alan@example.com;2024-01-15\r\n" +
		"8;Grace Hopper;grace@example.com;2024-01-15\r\n"
	r, err := file.NewReader(strings.NewReader(text), file.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for {
		line, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			fmt.Println(err)
			return
		case line.Err != nil:
			fmt.Println(line.Err)
		default:
			fmt.Printf("line %d: %s\n", line.Number, line.Body)
		}
	}
	// Output:
	// line 2: {"customerId":"42","name":"Ada Lovelace","email":"ada@example.com","createdAt":"2024-01-15"}
	// line 3: 5 fields, the header has 4
	// line 4: {"customerId":"8","name":"Grace Hopper","email":"grace@example.com","createdAt":"2024-01-15"}
}

// A file whose columns are not those of a record is refused before its first row.
func ExampleNewReader() {
	_, err := file.NewReader(strings.NewReader("Customer No,name,email,created\n"), file.Options{})
	var refused *file.Refusal
	fmt.Println(errors.As(err, &refused) && refused.Hint == file.HintHeader)
	fmt.Println(err)
	// Output:
	// true
	// customerId: there is no such column (similar: "Customer No"); createdAt: there is no such column (similar: "created"); the header is "Customer No", "name", "email", "created"
}
