package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// setBody sets the body of the request.
func (t *transfer) setBody(r *http.Request) {
	r.Body, r.GetBody, r.ContentLength = nil, nil, int64(len(t.body))
	if t.body == nil {
		return
	}
	r.Body = t.reader(&t.first, &t.observed)
	// With either header, net/http would send a POST a second time.
	if r.Header["Idempotency-Key"] == nil && r.Header["X-Idempotency-Key"] == nil {
		r.GetBody = func() (io.ReadCloser, error) {
			if t.http2.Load() {
				return nil, errResent
			}
			return t.reader(new(bytes.Reader), new(observedBody)), nil
		}
	}
}

// reader returns a body. net/http knows a bytes.Reader and writes it in one piece
// with the header; what another transport reads has to be observed.
func (t *transfer) reader(b *bytes.Reader, o *observedBody) io.ReadCloser {
	b.Reset(t.body)
	if t.std != nil {
		return io.NopCloser(b)
	}
	*o = observedBody{b, t}
	return o
}

// States of the bodies that other transports read.
const (
	untouched = iota
	touched
	sealed // nothing can be read any more
)

// seal makes every body unreadable, unless one has been read, and reports whether it did.
func (t *transfer) seal() bool { return t.state.CompareAndSwap(untouched, sealed) }

type observedBody struct {
	reader   *bytes.Reader // behind a pointer, which printing a request does not follow
	transfer *transfer
}

func (b *observedBody) Read(p []byte) (int, error) {
	if err := b.touch(); err != nil {
		return 0, err
	}
	return b.reader.Read(p)
}

func (b *observedBody) WriteTo(w io.Writer) (int64, error) {
	if err := b.touch(); err != nil {
		return 0, err
	}
	return b.reader.WriteTo(w)
}

func (b *observedBody) Close() error { return nil }

func (b *observedBody) touch() error {
	if b.transfer.state.CompareAndSwap(untouched, touched) || b.transfer.state.Load() == touched {
		return nil
	}
	return errors.New("the request's body is read after the transport has failed")
}
