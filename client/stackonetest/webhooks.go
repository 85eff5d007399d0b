package stackonetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// Webhook is an endpoint that receives the server's events, account.created and
// account.updated, signed like StackOne's.
type Webhook struct {
	URL     string       // where events are posted
	Handler http.Handler // if not nil, called in this process instead of posting to URL
	Secret  string       // signing secret

	Attempts int           // maximum number of attempts for an event; 0 means 5
	Backoff  time.Duration // wait before the second attempt, doubled for each further one; 0 means 1 s
}

// Delivery is the delivery of an event to an endpoint.
type Delivery struct {
	Body     []byte
	Attempts []DeliveryAttempt // so far
	Done     bool              // received, given up, or interrupted by Close
}

// Received reports whether the endpoint has responded with a status from 200 to 299.
func (d Delivery) Received() bool {
	return len(d.Attempts) > 0 && d.Attempts[len(d.Attempts)-1].received()
}

// Format writes only the state of the delivery, whatever the verb.
func (d Delivery) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "delivery(attempts: %d, received: %t)", len(d.Attempts), d.Received())
}

// DeliveryAttempt is one attempt to deliver an event.
type DeliveryAttempt struct {
	Time   time.Time // by the server's clock
	Status int       // 0 without a response
	Body   []byte    // of the response, at most 1 KiB
	Err    error     // why there was no complete response
}

func (a DeliveryAttempt) received() bool { return a.Status >= 200 && a.Status <= 299 }

// webhooks delivers events.
type webhooks struct {
	mu         sync.Mutex
	keep       int
	endpoints  []Webhook
	deliveries []*Delivery
	pending    int
	idle       chan struct{} // closed when pending is 0 again
	previous   chan struct{} // closed after the latest delivery's first attempt
}

// Deliver makes the server send an event to the endpoint for each account that is
// connected from now on, until the server is closed. Events are delivered in the
// background, with the first attempts in the order of the events. An attempt succeeds if
// the endpoint responds with a status from 200 to 299 within 10 seconds. Others are
// retried, up to Attempts in total. Redirects are not followed.
func (s *Server) Deliver(to Webhook) {
	if to.Attempts <= 0 {
		to.Attempts = 5
	}
	if to.Backoff <= 0 {
		to.Backoff = time.Second
	}
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	s.webhooks.endpoints = append(s.webhooks.endpoints, to)
}

// Deliveries returns all deliveries in the order of their events, one for each event and
// endpoint.
func (s *Server) Deliveries() []Delivery {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	all := make([]Delivery, len(s.webhooks.deliveries))
	for i, d := range s.webhooks.deliveries {
		all[i] = Delivery{bytes.Clone(d.Body), slices.Clone(d.Attempts), d.Done}
	}
	return all
}

// WaitDelivered waits until every event has been received or given up. If ctx ends
// first, it returns ctx.Err().
func (s *Server) WaitDelivered(ctx context.Context) error {
	s.webhooks.mu.Lock()
	idle := s.webhooks.idle
	s.webhooks.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *webhooks) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deliveries = nil
}

// notify sends an event for an account that the session has connected. The sessions must
// be locked.
func (s *Server) notify(event webhook.EventType, account string, session *Session) {
	now := stamp(s.clock.now())
	payload := map[string]any{
		"event": event, "event_date": now, "sent_at": now, "project_id": projectID,
		"record_type": "account", "record_id": account, "account_id": account,
	}
	if session.provider != nil {
		payload["provider"] = session.provider
	}
	for _, name := range []string{"origin_owner_id", "origin_owner_name", "origin_username"} {
		if session.request[name] != nil {
			payload[name] = session.request[name]
		}
	}
	body, _ := json.Marshal(payload)

	w := &s.webhooks
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, to := range w.endpoints {
		if !s.running.enter() {
			return
		}
		d := &Delivery{Body: body}
		w.deliveries = latest(append(w.deliveries, d), w.keep)
		if w.pending++; w.pending == 1 {
			w.idle = make(chan struct{})
		}
		previous, attempted := w.previous, make(chan struct{})
		w.previous = attempted
		go func() {
			defer s.running.leave()
			defer w.done(d)
			s.deliver(to, d, previous, attempted)
		}()
	}
}

func (w *webhooks) done(d *Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d.Done = true
	if w.pending--; w.pending == 0 {
		close(w.idle)
	}
}

// deliver makes the attempts of a delivery. It waits for previous before the first
// attempt, and closes attempted after it.
func (s *Server) deliver(to Webhook, d *Delivery, previous, attempted chan struct{}) {
	if previous != nil {
		<-previous
	}
	for n := range to.Attempts {
		attempt := DeliveryAttempt{Time: s.clock.now()}
		ctx, cancel := context.WithTimeout(s.running.closing, 10*time.Second)
		attempt.Status, attempt.Body, attempt.Err = to.post(ctx, d.Body)
		cancel()
		s.webhooks.mu.Lock()
		d.Attempts = append(d.Attempts, attempt)
		s.webhooks.mu.Unlock()
		if n == 0 {
			close(attempted)
		}
		if s.log != nil && attempt.Err != nil {
			s.log.InfoContext(ctx, "webhook", "attempt", n+1, "error", attempt.Err)
		} else if s.log != nil {
			s.log.InfoContext(ctx, "webhook", "attempt", n+1, "status", attempt.Status)
		}
		if attempt.received() || n+1 == to.Attempts || !sleep(s.running.closing, to.Backoff<<n) {
			return
		}
	}
}

// post makes one attempt.
func (w Webhook) post(ctx context.Context, event []byte) (status int, body []byte, err error) {
	url := w.URL
	if w.Handler != nil && url == "" {
		url = "http://stackonetest/"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(event))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(webhook.SignatureHeader, webhook.Sign(event, w.Secret))
	transport := &http.Transport{DisableKeepAlives: true}
	send := transport.RoundTrip
	if w.Handler != nil {
		send = w.serve
	}
	res, err := send(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return res.StatusCode, body, err
}

// serve calls the handler. It converts a panic to an error, because a client of a
// net/http server would also get an error.
func (w Webhook) serve(req *http.Request) (res *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("stackonetest: the webhook handler panicked: %v", v)
		}
	}()
	rec := httptest.NewRecorder()
	req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), "127.0.0.1:1"
	w.Handler.ServeHTTP(rec, req)
	return rec.Result(), nil
}

// sleep waits for d. It returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
