package browser

import (
	"context"
	"os"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Picture returns a picture of the page, as PNG: of its beginning, up to a height in CSS pixels, or of the
// whole page if height is 0.
func (p *Page) Picture(height float64) (png []byte) {
	p.t.Helper()
	var size struct{ Width, Height float64 }
	p.Eval(`({Width: innerWidth, Height: document.documentElement.scrollHeight})`, &size)
	if height == 0 || height > size.Height {
		height = size.Height
	}
	p.Run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).
			WithClip(&page.Viewport{Width: size.Width, Height: height, Scale: 1}).Do(ctx)
		return err
	}))
	return png
}

// Save writes a picture of the page to a file: see Picture.
func (p *Page) Save(file string, height float64) {
	p.t.Helper()
	if err := os.WriteFile(file, p.Picture(height), 0o644); err != nil {
		p.t.Fatal(err)
	}
}
