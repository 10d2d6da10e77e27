package file

import "bytes"

// copies copies texts into blocks, which takes fewer allocations than a copy of each. A
// block stays in memory as long as one of its texts does.
type copies struct{ block []byte }

const (
	copiesBlock = 64 << 10
	longCopy    = copiesBlock / 4 // does not share a block
)

// of returns a copy of a text.
func (c *copies) of(text []byte) []byte {
	if len(text) > longCopy {
		return bytes.Clone(text)
	}
	if len(text) > cap(c.block)-len(c.block) {
		c.block = make([]byte, 0, copiesBlock)
	}
	begin := len(c.block)
	c.block = append(c.block, text...)
	return c.block[begin:len(c.block):len(c.block)]
}
