package file

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"ingestion/internal/plural"
)

// gunzip decompresses the members of a gzip file (RFC 1952).
func (o *opened) gunzip() (io.Reader, error) {
	z, err := gzip.NewReader(o.packed)
	if errors.Is(err, gzip.ErrHeader) {
		return nil, &Refusal{Reason: "the file begins like gzip but is not", Err: err}
	}
	if err != nil {
		return nil, o.packFault("gzip", err)
	}
	z.Multistream(false)
	return &unpacker{o, "gzip", &members{z, o}}, nil
}

// members reads one member after another.
type members struct {
	z *gzip.Reader
	o *opened
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.z.Read(p)
		if err == io.EOF {
			err = m.next()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// next begins the next member. Like gzip itself, it ignores what follows the last one.
func (m *members) next() error {
	magic, err := m.o.packed.Peek(len(gzipMagic))
	switch {
	case len(magic) == 0:
		return err
	case string(magic) == gzipMagic:
		err := m.z.Reset(m.o.packed)
		m.z.Multistream(false)
		return err
	case magic[0] == gzipMagic[0] && err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	at := m.o.position()
	zeros, err := onlyZeros(m.o.packed)
	if err != nil {
		return err
	}
	m.o.ignore("gzip", zeros, at)
	return io.EOF
}

// ignore notes what is between an offset and the end of the file.
func (o *opened) ignore(format string, zeros bool, at int64) {
	what := fmt.Sprintf("what follows the %s data is not %[1]s, and is ignored", format)
	if zeros {
		what = fmt.Sprintf("the zeros that follow the %s data are ignored", format)
	}
	o.noteOnce(what, fmt.Sprintf("%s: %s from byte %d of the file on", what, plural.Of(int(o.position()-at), "byte", "bytes"), at))
}

// onlyZeros reads to the end and reports whether all bytes are zero.
func onlyZeros(r io.Reader) (bool, error) {
	zeros, buffer := true, make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		for _, c := range buffer[:n] {
			zeros = zeros && c == 0
		}
		if err == io.EOF {
			return zeros, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// unzstd decompresses the frames of a zstd file (RFC 8878), in the goroutine that reads.
func (o *opened) unzstd() (io.Reader, error) {
	in := &recent{r: o.packed}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxZstd))
	if err != nil {
		return nil, o.packFault("zstd", err)
	}
	return &unpacker{o, "zstd", &frames{z, in, o}}, nil
}

// frames ignores zeros after the last frame. Other bytes there are an error, as for the
// zstd program: a frame may have no checksum, so they may be a part of it.
type frames struct {
	z  *zstd.Decoder
	in *recent
	o  *opened
}

func (f *frames) Read(p []byte) (int, error) {
	n, err := f.z.Read(p)
	if errors.Is(err, zstd.ErrMagicMismatch) && f.in.last == [4]byte{} {
		at := f.o.position() - int64(len(f.in.last))
		if zeros, readErr := onlyZeros(f.o.packed); readErr != nil {
			return n, readErr
		} else if zeros {
			f.o.ignore("zstd", true, at)
			return n, io.EOF
		}
	}
	return n, err
}

// recent keeps the bytes that were read last, which the decoder takes for the magic
// number of a frame.
type recent struct {
	r    io.Reader
	last [4]byte
}

func (r *recent) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	for _, c := range p[max(0, n-len(r.last)):n] {
		r.last = [4]byte{r.last[1], r.last[2], r.last[3], c}
	}
	return n, err
}

const (
	// maxWindow is the limit of the zstd program too, unless it is told otherwise.
	maxWindow = 128 << 20
	maxZstd   = 1 << 62 // the window alone takes memory
)

// unpacker explains the errors of a compressed file.
type unpacker struct {
	o      *opened
	format string
	r      io.Reader
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = u.o.packFault(u.format, err)
	}
	return n, err
}

// packFault explains an error of decompression. If the file itself can't be read, it
// returns that error.
func (o *opened) packFault(format string, err error) error {
	damage := &Damage{Format: format, At: o.position(), Err: err}
	switch {
	case o.read.err != nil:
		return o.read.err
	case errors.Is(err, io.ErrNoProgress):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return fmt.Errorf("the %s file is truncated: %w", format, io.ErrUnexpectedEOF)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("the zstd file needs more than %d MiB to decompress; compress it without --long or --ultra: %w", maxWindow>>20, err)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return fmt.Errorf("the zstd file needs a dictionary to decompress; compress it without one: %w", err)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		damage.Problem = "its checksum does not match its content"
	case errors.Is(err, zstd.ErrMagicMismatch):
		damage.Problem = "what follows the zstd data is not zstd"
	default:
		damage.Problem = "it can't be decompressed from there on"
	}
	return damage
}
