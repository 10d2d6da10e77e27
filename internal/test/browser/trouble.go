package browser

import (
	"fmt"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// trouble is what a tab has reported that a sound page never does. Safe for concurrent use.
type trouble struct {
	mu       sync.Mutex
	seen     []string
	requests []string // their addresses, in order
}

// note is called with each event of the tab.
func (tr *trouble) note(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tr.mu.Lock()
		tr.requests = append(tr.requests, e.Request.URL)
		tr.mu.Unlock()
	case *network.EventLoadingFailed:
		if !e.Canceled { // as the stream of a page that is left
			tr.add("a request failed: %s %s", e.ErrorText, e.BlockedReason)
		}
	case *log.EventEntryAdded: // violations of the policy, answers from 400 on
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			tr.add("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		tr.add("exception: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if slices.Contains([]runtime.APIType{runtime.APITypeError, runtime.APITypeWarning, runtime.APITypeAssert}, e.Type) {
			tr.add("console.%s:%s", e.Type, said(e.Args))
		}
	case *page.EventJavascriptDialogOpening:
		tr.add("dialog: %s %q", e.Type, e.Message)
	}
}

func said(args []*runtime.RemoteObject) (text string) {
	for _, arg := range args {
		text += " " + string(arg.Value) + arg.Description
	}
	return text
}

func (tr *trouble) add(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.seen = append(tr.seen, fmt.Sprintf(format, args...))
}

func (tr *trouble) all() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Clone(tr.seen)
}

// Trouble returns what went wrong since the last call. What it returns fails the test no more.
func (p *Page) Trouble() []string {
	p.trouble.mu.Lock()
	defer p.trouble.mu.Unlock()
	seen := p.trouble.seen
	p.trouble.seen = nil
	return seen
}

// Requests returns the addresses that were asked for since the last call.
func (p *Page) Requests() []string {
	p.trouble.mu.Lock()
	defer p.trouble.mu.Unlock()
	requests := p.trouble.requests
	p.trouble.requests = nil
	return requests
}
