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

// answer is what the server says to a request, and why it refused it.
type answer struct {
	Answer
	reason string
}

// refusal is the documented error body. The two members that only 400 documents
// are in it for 400 only.
func (s *Server) refusal(status int, message string) answer {
	body := map[string]any{
		"statusCode": status,
		"message":    message,
		"timestamp":  stamp(s.clock.now()),
	}
	if status == http.StatusBadRequest {
		body["data"] = map[string]any{"statusCode": status, "message": message}
		body["provider_errors"] = []any{}
	}
	a := jsonAnswer(status, body)
	a.reason = message
	return a
}

func jsonAnswer(status int, body map[string]any) answer {
	text, _ := json.Marshal(body) // of values that came from JSON or go into it
	return answer{Answer: Answer{status, jsonHeader(), text}}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}}
}

// defaultRetryAfter is how long an injected 429 or 408 asks to wait. StackOne asks
// for a minute; a test that waits should not take as long.
const defaultRetryAfter = time.Second

// alter gives the answer the fault's header and body.
func (f Fault) alter(a answer) answer {
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

// send writes an answer in the way that the fault asks for.
func (s *Server) send(w http.ResponseWriter, a answer, f Fault) {
	maps.Copy(w.Header(), a.Header)
	body := a.Body
	if f.CutBody { // net/http closes a connection that was promised more
		w.Header().Set("Content-Length", strconv.Itoa(max(len(body), 1)))
		body = body[:len(body)/2]
	}
	w.WriteHeader(a.Status)
	// Writing and flushing fail only when the client has gone.
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

// pause waits, and gives the request up when the server is closed.
func (s *Server) pause(d time.Duration) {
	if !sleep(s.running.closing, d) {
		panic(http.ErrAbortHandler)
	}
}

// reset ends the connection and the handler. A socket that does not linger is
// closed with a TCP reset. An HTTP/2 connection cannot be hijacked; there the
// panic resets the stream.
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

// wholeSeconds rounds up what is more than zero: a client that comes back too
// early is refused again.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d-1)/time.Second)+1, 10)
}
