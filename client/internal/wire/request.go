package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// setBody gives r the body, and a GetBody that fails over HTTP/2.
func (t *transfer) setBody(r *http.Request) {
	r.Body, r.GetBody, r.ContentLength = nil, nil, int64(len(t.body))
	if t.body == nil {
		return
	}
	r.Body = t.reader(&t.first, &t.observed)
	// With either header, net/http would resend a POST.
	if r.Header["Idempotency-Key"] == nil && r.Header["X-Idempotency-Key"] == nil {
		r.GetBody = func() (io.ReadCloser, error) {
			if t.http2.Load() {
				return nil, errNotResent
			}
			return t.reader(new(bytes.Reader), new(observedBody)), nil
		}
	}
}

// reader returns a reader of the body. An *http.Transport recognises a bytes.Reader and
// writes it together with the header. Reads by any other transport are observed.
func (t *transfer) reader(b *bytes.Reader, o *observedBody) io.ReadCloser {
	b.Reset(t.body)
	if t.std != nil {
		return io.NopCloser(b)
	}
	*o = observedBody{b, t}
	return o
}

// The values of transfer.bodyState.
const (
	bodyUnread = iota
	bodyRead
	bodySealed // no longer readable
)

// seal makes the body unreadable unless some of it has been read, and reports whether it
// did.
func (t *transfer) seal() bool { return t.bodyState.CompareAndSwap(bodyUnread, bodySealed) }

type observedBody struct {
	reader   *bytes.Reader // a pointer, so that printing the request does not print the body
	transfer *transfer
}

func (b *observedBody) Read(p []byte) (int, error) {
	if err := b.markRead(); err != nil {
		return 0, err
	}
	return b.reader.Read(p)
}

func (b *observedBody) WriteTo(w io.Writer) (int64, error) {
	if err := b.markRead(); err != nil {
		return 0, err
	}
	return b.reader.WriteTo(w)
}

func (b *observedBody) Close() error { return nil }

func (b *observedBody) markRead() error {
	if b.transfer.bodyState.CompareAndSwap(bodyUnread, bodyRead) || b.transfer.bodyState.Load() == bodyRead {
		return nil
	}
	return errors.New("the request body was read after the transport had failed")
}
