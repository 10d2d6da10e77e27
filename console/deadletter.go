package console

import (
	"net/http"
	"strings"
	"time"

	"ingestion/internal/letters"
)

// letterPage is the page of one dead letter.
type letterPage struct {
	Name, Event, Reason, Customer, StreamID, Origin, Source, Worker, Trace string
	Deliveries                                                             int64
	Written                                                                time.Time
	FailedAt                                                               string
	Age                                                                    time.Duration
	Bytes                                                                  int
	Breaks                                                                 []string // which rules it breaks today

	Revealed bool
	Members  []memberRow // of a body that is an object
	IsObject bool
	Several  bool   // the entry had not exactly one body
	Whole    string // the body or the fields, if it is revealed
	NotText  bool   // the body is not UTF-8

	Edit   string   // what the form has, unless it is Whole
	Faults []string // why that can't be sent
}

type memberRow struct{ Name, Value string }

func (c *console) letterPageOf(l *letters.Letter, reveal bool) letterPage {
	p := letterPage{
		Name: l.Name, Event: l.Event, Reason: l.Reason, Customer: letters.CustomerOf(&l.DeadLetter), StreamID: l.StreamID,
		Origin: l.Origin, Source: l.Source, Worker: l.Worker, Trace: l.TraceParent, Deliveries: l.Deliveries,
		Written: l.Written(), FailedAt: l.FailedAt, Age: max(0, c.Now().Sub(l.Written())), Bytes: len(l.Data),
		Revealed: reveal, Several: l.Fields != nil,
	}
	if err := c.breaks(l); err != nil {
		p.Breaks = strings.Split(err.Error(), "; ")
	}
	p.setBody(l)
	return p
}

func (p *letterPage) setBody(l *letters.Letter) {
	if p.Several {
		p.setFields(l.Fields)
		return
	}
	members, ok := letters.Members([]byte(l.Data))
	p.IsObject = ok
	for _, m := range members {
		if !p.Revealed {
			m = m.Masked()
		}
		p.Members = append(p.Members, memberRow{m.Name, string(m.Value)})
	}
	if !p.Revealed {
		return
	}
	text := strings.ToValidUTF8(l.Data, "\ufffd")
	p.Whole, p.NotText = text, text != l.Data
}

// setFields shows the fields of an entry without exactly one body.
func (p *letterPage) setFields(fields []string) {
	for i := 0; i+1 < len(fields); i += 2 {
		row := memberRow{letters.MaskedField(fields[i]), "***"}
		if p.Revealed {
			row = memberRow{fields[i], fields[i+1]}
		}
		p.Members = append(p.Members, row)
	}
}

// deadLetter shows one dead letter, masked.
func (c *console) deadLetter(w http.ResponseWriter, r *http.Request) {
	l, err := c.letter(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, "deadletter.html", c.letterPageOf(&l, false))
}

// revealLetter shows one in full. It is no GET, since it is noted who did it.
func (c *console) revealLetter(w http.ResponseWriter, r *http.Request) {
	l, err := c.reveal(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.renderTitled(w, r, http.StatusOK, "Dead letter", "deadletter.html", c.letterPageOf(&l, true))
}

// editLetter sends the body of the form, or shows the form again and what is wrong with it.
func (c *console) editLetter(w http.ResponseWriter, r *http.Request) {
	text := strings.ReplaceAll(r.PostFormValue("body"), "\r\n", "\n") // as forms write line ends
	l, err := c.letter(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	out, err := c.resend(r, &l, []byte(strings.TrimSuffix(text, "\n")))
	switch {
	case err == nil && out.Valid:
		c.redirect(w, r, "dead?done=edit")
	case err == nil, statusOf(err) == http.StatusBadRequest:
		c.showAgain(w, r, &l, text, out.Breaks, err)
	default:
		c.fail(w, r, err)
	}
}

// showAgain shows a body that was not sent. Whoever sent it has seen the letter in full or knows
// what is in it, so the letter itself stays masked unless that was noted.
func (c *console) showAgain(w http.ResponseWriter, r *http.Request, l *letters.Letter, text string, breaks *string, err error) {
	page := c.letterPageOf(l, false)
	page.Edit = text
	if err != nil {
		page.Faults = []string{sentence(err.Error())}
	} else {
		page.Faults = strings.Split(*breaks, "; ")
	}
	c.renderTitled(w, r, http.StatusUnprocessableEntity, "Dead letter", "deadletter.html", page)
}
