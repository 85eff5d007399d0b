package stackonetest

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// response is the response to a request, and the reason if the request was rejected.
type response struct {
	Response
	reason string
}

// errorResponse returns a response with the documented error body. The members data and
// provider_errors are only documented for 400.
func (s *Server) errorResponse(status int, message string) response {
	body := map[string]any{
		"statusCode": status,
		"message":    message,
		"timestamp":  stamp(s.clock.now()),
	}
	if status == http.StatusBadRequest {
		body["data"] = map[string]any{"statusCode": status, "message": message}
		body["provider_errors"] = []any{}
	}
	a := jsonResponse(status, body)
	a.reason = message
	return a
}

func jsonResponse(status int, body map[string]any) response {
	text, _ := json.Marshal(body) // cannot fail for these values
	return response{Response: Response{status, jsonHeader(), text}}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}}
}

// defaultRetryAfter is the Retry-After of an injected 429 or 408. StackOne sends a
// minute; this is shorter so that tests do not take as long.
const defaultRetryAfter = time.Second

// alter applies the fault's header and body to a response.
func (f Fault) alter(a response) response {
	switch {
	case f.RetryAfter > 0:
		a.Header.Set("Retry-After", wholeSeconds(f.RetryAfter))
	case f.Status == http.StatusTooManyRequests, f.Status == http.StatusRequestTimeout:
		a.Header.Set("Retry-After", wholeSeconds(defaultRetryAfter))
	}
	for name, values := range f.Header {
		a.Header[http.CanonicalHeaderKey(name)] = values
	}
	if f.Body != nil {
		a.Body = f.Body
	}
	return a
}

// send writes a response as the fault specifies.
func (s *Server) send(w http.ResponseWriter, a response, f Fault) {
	maps.Copy(w.Header(), a.Header)
	body := a.Body
	if f.CutBody { // net/http closes the connection if less than Content-Length is written
		w.Header().Set("Content-Length", strconv.Itoa(max(len(body), 1)))
		body = body[:len(body)/2]
	}
	w.WriteHeader(a.Status)
	// Writing and flushing only fail if the client has disconnected.
	if f.SlowBody <= 0 {
		_, _ = w.Write(body)
		return
	}
	pieces := slices.Collect(slices.Chunk(body, len(body)/10+1))
	for _, piece := range pieces {
		_ = http.NewResponseController(w).Flush()
		s.pause(f.SlowBody / time.Duration(len(pieces)))
		_, _ = w.Write(piece)
	}
}

// pause waits for d, and aborts the request if the server is closed.
func (s *Server) pause(d time.Duration) {
	if !sleep(s.running.closing, d) {
		panic(http.ErrAbortHandler)
	}
}

// reset closes the connection and aborts the handler. SetLinger(0) makes the system send
// a TCP reset. An HTTP/2 connection cannot be hijacked; there the panic resets the
// stream.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		raw := conn
		if encrypted, ok := conn.(interface{ NetConn() net.Conn }); ok {
			raw = encrypted.NetConn()
		}
		if tcp, ok := raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		raw.Close()
	}
	panic(http.ErrAbortHandler)
}

// wholeSeconds rounds up, because a client that retries too early is rejected again.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d-1)/time.Second)+1, 10)
}
