// Package mapping turns the rows and objects of other systems into records: it
// says which columns of a header, or which members of a JSON object, become the
// four fields of a record, and how their times are written. It reads no files.
//
// # Expressions
//
// A field's value is an [Expression]: parts joined by +.
//
//	Customer ID                     the column of that name
//	First Name+ +Last Name          two columns, joined by a space
//	"First Name" + " " + "Last Name"  the same
//	'shop-'+"Customer ID"           a column after a fixed text
//	$.user.emails[0].value          a value in a JSON object
//
// A part is one of these:
//
//   - A name, bare or in double quotes. Quotes change nothing, except that a
//     quoted name may contain + and begin or end with white space. So it does not
//     matter whether a shell has removed them. A " in a quoted name is doubled. A
//     bare name is trimmed.
//   - A name without letters and digits, such as " " or ", ", which stands for
//     itself unless there is a column of that name. It is not trimmed.
//   - A text in single quotes, which always stands for itself. A ' in it is
//     doubled.
//   - A path into a JSON object: $ and then one or more of .name, ["name"] and
//     [index]. The first index is 0. After a dot, a name ends before . [ and +.
//     In JSON, a name is short for the path $.name.
//
// Columns without a text between them are joined without a space.
//
// The text between two columns is left out if either has no value, so a missing
// middle name leaves no double space. Values that are joined are trimmed. If no
// column has a value, the field is empty.
package mapping
