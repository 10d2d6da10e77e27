package browser

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"
)

//go:embed check.js
var checkScript string

// Check returns what is wrong with the page as it is laid out now, one sentence for each fault:
// what reaches out of the window or is cut off; contrasts below those of WCAG 2.2, level AA;
// fields without labels, tables without headers, headings out of order, missing landmarks and
// names. A sound page has none.
func (p *Page) Check() []string {
	p.t.Helper()
	var faults []string
	p.Eval(checkScript, &faults)
	return append(faults, p.nameless()...)
}

// named are the roles whose elements need a name.
var named = []string{
	"button", "link", "textbox", "searchbox", "combobox", "listbox", "checkbox", "radio", "switch", "spinbutton",
	"slider", "image", "img", "graphics-document", "region", "dialog", "DisclosureTriangle",
}

// node is a node of the accessibility tree. The types of the library know only the properties
// of an older browser.
type node struct {
	Ignored          bool  `json:"ignored"`
	Role             value `json:"role"`
	Name             value `json:"name"`
	BackendDOMNodeID int64 `json:"backendDOMNodeId"`
}

type value struct {
	Value any `json:"value"`
}

// nameless returns the elements that a screen reader could not name.
func (p *Page) nameless() (faults []string) {
	p.t.Helper()
	var tree struct {
		Nodes []node `json:"nodes"`
	}
	p.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, accessibility.CommandGetFullAXTree, nil, &tree)
	}))
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		if !n.Ignored && slices.Contains(named, role) && (n.Name.Value == nil || n.Name.Value == "") {
			faults = append(faults, fmt.Sprintf("an element with the role %s has no name: %s", role, p.html(n.BackendDOMNodeID)))
		}
	}
	return faults
}

// html returns the beginning of an element's source.
func (p *Page) html(id int64) (source string) {
	p.t.Helper()
	p.Run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		source, err = dom.GetOuterHTML().WithBackendNodeID(cdp.BackendNodeID(id)).Do(ctx)
		return err
	}))
	return source[:min(len(source), 160)]
}
