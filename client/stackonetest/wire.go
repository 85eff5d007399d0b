package stackonetest

import (
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// answer is what the server says to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send writes an answer in the way that the fault asks for.
func (s *Server) send(w http.ResponseWriter, a answer, f Fault) {
	maps.Copy(w.Header(), a.header)
	for name, values := range f.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", wholeSeconds(f.RetryAfter))
	}
	if f.Body != nil {
		a.body = f.Body
	}
	if f.CutBody { // net/http closes a connection that was promised more
		w.Header().Set("Content-Length", strconv.Itoa(max(len(a.body), 1)))
		a.body = a.body[:len(a.body)/2]
	}
	w.WriteHeader(a.status)
	// Writing and flushing fail only when the client has gone.
	if f.SlowBody <= 0 {
		_, _ = w.Write(a.body)
		return
	}
	pieces := slices.Collect(slices.Chunk(a.body, len(a.body)/10+1))
	for _, piece := range pieces {
		_ = http.NewResponseController(w).Flush()
		s.pause(f.SlowBody / time.Duration(len(pieces)))
		_, _ = w.Write(piece)
	}
}

// pause waits, and gives the request up when the server is closed.
func (s *Server) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.running.closing.Done():
		panic(http.ErrAbortHandler)
	}
}

// reset ends the connection and the handler. A socket that does not linger is
// closed with a TCP reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// wholeSeconds rounds up what is more than zero: a client that comes back too
// early is refused again.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d-1)/time.Second)+1, 10)
}
