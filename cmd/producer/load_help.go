package main

const loadHelp = `load writes the records of a file to the queue, in order. "-" is standard input.

Formats: one JSON object per line (NDJSON); JSON objects in an array or one after
the other; CSV with a header, separated by comma, semicolon, tab or bar; and
spreadsheets (.xlsx). Files may be compressed with gzip or zstd. The format is
detected. If it can't be, say it with --format, --encoding, --delimiter, --quote,
--skip-lines, --sheet or --no-header. Blank lines are skipped.

Columns: a record has customerId, name, email and createdAt. A column with one of
these names is found without regard to case, spaces, hyphens and underscores. Name
others with --map or --preset:

  --map customerId="Customer ID"              a column
  --map name='"First Name"+" "+"Last Name"'   columns and text, joined
  --map email='$.user.email'                  a member of a JSON object
  --map createdAt="'2024-01-31'"              the same text for all records
  --preset hubspot                            the columns of a vendor's export

Other columns become other fields, which the worker ignores. If createdAt is not
ISO 8601, say how it is written with --time-format and --time-zone. --preview 10
shows what the first rows become, and sends nothing.

A file is refused before its first record if a field has no column or, in JSON, no
value in any of the first 100 objects. So is a file of whose first 100 records the
worker would refuse all for the same field, unless --validate rejects them one by
one, --format says what the file is, or it has less than ten JSON objects.

Rejected rows: a row that can't be read, for example one with more fields than the
header, is not sent. With --validate, neither is a record that the worker would
refuse. All other records are sent, and then the exit code is 1, unless as many
rows are rejected at most as --allow-invalid says. It is also 1 if the file is empty.
--dry-run validates the whole file without Redis, and sends nothing.

--rejects FILE keeps the rejected rows, so that FILE can be mended and loaded with
the same flags. It has the rows as they are in the input, in UTF-8 and below the
header; those of a spreadsheet as CSV, and JSON objects on one line each. A row that
is not mended is rejected again.
FILE.reasons is CSV: the row's line in FILE, its line in the input, and the reason.
A load that is continued with --from-line appends to both.

Source: a stream entry gets a field "source", for example customers.csv:12. If the
record is refused, the worker's log and "ingestctl dead list" show it. --source
sets another name. A list has no fields.

Continuing: if load is interrupted or fails, the exit code is 1, and it prints the
line to continue from with --from-line. All records before that line are queued or
rejected. Records that are sent again are harmless.

Each batch is logged on standard output as an event "queued" with its count, and
each rejected row as an event "warning" (with --rejects, only the first ten).
--summary writes the result as JSON, also of a load that fails.`

const loadExample = `  # look at it, then check all of it, then send it
  producer load contacts.csv --preset hubspot --preview 5
  producer load contacts.csv --preset hubspot --dry-run --rejects rejects.csv
  producer load contacts.csv --preset hubspot --validate --rejects rejects.csv

  # columns by name, German dates, Latin-1
  producer load kunden.csv --encoding latin1 --map customerId=Kundennummer \
    --map name='Vorname+" "+Nachname' --map email=E-Mail --map createdAt="angelegt am" \
    --time-format %d.%m.%Y --time-zone Europe/Berlin

  # fail only if more than 1% of the rows are rejected; the result as JSON
  producer load customers.ndjson.gz --validate --allow-invalid 1% --summary result.json

  # after "continue with --from-line 40001"
  producer load customers.ndjson --from-line 40001`
