package mapping_test

import (
	"errors"
	"reflect"
	"testing"

	"ingestion/producer/mapping"
)

func TestExpressions(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`Customer ID`, `"Customer ID"`},
		{`  Customer ID `, `"Customer ID"`},
		{`"Customer ID"`, `"Customer ID"`},
		{` "Customer ID" `, `"Customer ID"`},
		{`" Customer ID "`, `" Customer ID "`},
		{`First Name+ +Last Name`, `"First Name"+" "+"Last Name"`},
		{`First Name + Last Name`, `"First Name"+"Last Name"`},
		{`"First Name"+" "+"Last Name"`, `"First Name"+" "+"Last Name"`},
		{`"First Name" + " " + "Last Name"`, `"First Name"+" "+"Last Name"`},
		{`Last Name+, +First Name`, `"Last Name"+", "+"First Name"`},
		{`"A+B"`, `"A+B"`},
		{`"5"" disk"`, `"5"" disk"`},
		{`5" disk`, `"5"" disk"`},
		{`'shop-'+ID`, `'shop-'+"ID"`},
		{`'it''s'`, `'it''s'`},
		{`Driver's name`, `"Driver's name"`},
		{`$.user.email`, `$.user.email`},
		{`$.emails[0].value`, `$.emails[0].value`},
		{`$["first name"][12]`, `$["first name"][12]`},
		{`$.first name + ' ' + $.last`, `$["first name"]+' '+$.last`},
		{`$["user"].id`, `$.user.id`},
		{`$["a""b"]`, `$["a""b"]`},
		{`$`, `"$"`},
		{`$5 off`, `"$5 off"`},
	} {
		e, err := mapping.ParseExpression(c.text)
		if err != nil || e.String() != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.text, e, err, c.want)
		}
	}
}

func TestExpressionFaults(t *testing.T) {
	for _, c := range []struct {
		text     string
		position int
		reason   string
	}{
		{``, 1, "a column or a text is missing here"},
		{`A+`, 3, "a column or a text is missing here"},
		{`+A`, 1, "a column or a text is missing here"},
		{`é++B`, 3, "a column or a text is missing here"},
		{`A+"B`, 3, "this quote is not closed"},
		{`'B`, 1, "this quote is not closed"},
		{`"B""`, 1, "this quote is not closed"},
		{`A+""`, 3, "there is nothing in the quotes"},
		{`"A" B`, 5, "a + is expected here"},
		{`$.a.`, 5, "a name is expected after the dot"},
		{`$. +A`, 3, "a name is expected after the dot"},
		{`$.a[x]`, 5, `an index such as 0 or a name such as "a" is expected in the brackets`},
		{`$.a[-1]`, 5, `an index such as 0 or a name such as "a" is expected in the brackets`},
		{`$.a[99999999999]`, 5, `an index such as 0 or a name such as "a" is expected in the brackets`},
		{`$.a[0`, 6, "a ] is expected here"},
		{`$["a]`, 3, "this quote is not closed"},
		{`$.a[0]b`, 7, "a + is expected here"},
	} {
		_, err := mapping.ParseExpression(c.text)
		var fault *mapping.SyntaxError
		if !errors.As(err, &fault) || fault.Position != c.position || fault.Reason != c.reason || fault.Expression != c.text {
			t.Errorf("%s: got %v, want %q at %d", c.text, err, c.reason, c.position)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{`A`, `"A"+" "+'B'`, `First Name+ +Last Name`, `$.a["b c"][0]`, `$["a""b"]`, `'''' + """"`, "\u00a0\"", `$.`, `$[`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := mapping.ParseExpression(text)
		if err != nil {
			return
		}
		again, err := mapping.ParseExpression(e.String())
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Fatalf("%q is read as %s, and that as %s, %v", text, e, again, err)
		}
	})
}
