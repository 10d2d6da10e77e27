// Package file reads the records of a file, one at a time and in bounded memory.
// The steps are in the order in which a file takes them:
//
//   - open.go decompresses gzip and zstd, encoding.go converts to UTF-8 and skips the
//     byte order mark.
//   - kind.go names what can't be read (archives, images, web pages), detect.go tells
//     NDJSON, CSV and other JSON by the first line.
//   - ndjson.go, csv.go, json.go and sheet.go read the records of a format. csv.go and
//     sheet.go share table.go, which fits rows to their header.
//   - sheetbook.go opens the parts of a workbook, sheetrows.go reads the rows of a sheet,
//     and cellvalue.go, cellformat.go and celldate.go the cells.
//   - sample.go judges NDJSON and JSON by the first objects, as a header does for rows.
//
// Nothing is passed silently: each row becomes a record, an error that names its line
// (RowError), or a blank line that is counted. What may not be meant is noted
// (Line.Notes). A file whose columns or format are
// wrong is refused before its first record (Refusal). Where it is unknown how a file
// goes on, reading ends with an error (LineError).
package file
