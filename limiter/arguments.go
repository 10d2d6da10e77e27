package limiter

// arguments are those of a script call, behind its name and hash. Texts go as
// pointers, which need no allocation each, and are parts of one.
type arguments struct {
	list  []any
	text  []byte
	ends  []int
	texts []string
}

// clear lets go of what the arguments refer to.
func (a *arguments) clear() {
	clear(a.list[:cap(a.list)])
	clear(a.texts[:cap(a.texts)])
}

// end ends a text that has been appended to a.text.
func (a *arguments) end() { a.ends = append(a.ends, len(a.text)) }

// cut makes the texts out of what was appended and ended.
func (a *arguments) cut() {
	all, from := string(a.text), 0
	for _, end := range a.ends {
		a.texts = append(a.texts, all[from:end])
		from = end
	}
}

// Widths of the numbers that go as digits, as judge.lua reads them.
const (
	countDigits   = 4
	arrivalDigits = 14
)

// arguments are those for a part, as the head of judge.lua lists them. Where the
// own limit of the only customer is given, it is not looked up.
func (c *call) arguments(p part, own *string) []any {
	a := &c.args
	a.list, a.text, a.ends, a.texts = a.list[:0], a.text[:0], a.ends[:0], a.texts[:0]
	c.appendTexts(p)
	keys := a.texts[:len(p.customers)]
	if own == nil {
		a.list = append(a.list, "", "", len(keys)+1, c.limitsKey())
	} else {
		a.list = append(a.list, "", "", len(keys))
	}
	for i := range a.texts[:len(keys)] {
		a.list = append(a.list, &keys[i])
	}
	a.list = append(a.list, c.limiter.bounds...)
	a.list = append(a.list, c.floor, own == nil, own, &a.texts[len(keys)], &a.texts[len(keys)+1])
	from := p.customers[0].from
	for _, i := range c.order[from : from+p.records] {
		a.list = append(a.list, &c.requests[i].Member)
	}
	c.appendHints(keys)
	return a.list
}

// appendTexts writes the customers' keys, then the counts and the arrivals.
func (c *call) appendTexts(p part) {
	a := &c.args
	several := 0
	for i, cu := range p.customers {
		a.text = append(append(append(append(a.text, '{'), c.base...), "}:limit:"...), cu.id...)
		a.end()
		if p.number(cu) > 1 {
			several = i + 1
		}
	}
	for _, cu := range p.customers[:several] {
		a.text = appendDigits(a.text, int64(p.number(cu)), countDigits)
	}
	a.end()
	from := p.customers[0].from
	for _, i := range c.order[from : from+p.records] {
		a.text = appendDigits(a.text, clip(c.requests[i].At), arrivalDigits)
	}
	a.end()
	a.cut()
}

func (c *call) appendHints(keys []string) {
	learnt := c.limiter.learnt
	if learnt.empty() {
		return
	}
	for i, key := range keys {
		if hint := learnt.get(key); hint != "" {
			c.args.list = append(c.args.list, i+1, hint)
		}
	}
}

// clip brings an arrival into the bounds that the script knows; 0 is the clock.
func clip(at int64) int64 { return min(max(at, 0), maxAt) }

// appendDigits writes n, which is not negative, with leading zeros.
func appendDigits(b []byte, n int64, width int) []byte {
	const zeros = "00000000000000"
	b = append(b, zeros[:width]...)
	for i := len(b) - 1; n > 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return b
}
