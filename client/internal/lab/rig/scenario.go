//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"syscall"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
)

const tick = 60 * time.Millisecond

// trouble describes what fails while calls are made.
type trouble struct {
	name   string
	acts   []act                          // of the service, chosen at random
	idle   time.Duration                  // after which an idle connection is closed; 0 means never
	refuse string                         // status of the response to CONNECT
	step   func(s *scenario, n int) error // called every tick
}

var troubles = []trouble{
	{name: "responses aborted or cut", acts: []act{create, create, abort, abort, cut, fail, drop, refuse}},
	{name: "idle connections closed", acts: []act{create}, idle: 10 * time.Millisecond},
	{name: "reloads", acts: []act{create, create, refuse}, step: (*scenario).reload},
	{name: "restarts", acts: []act{create, create, refuse}, step: (*scenario).restart},
	{name: "outage", acts: []act{create, create, refuse}, step: (*scenario).outage},
	{name: "CONNECT refused: 403", refuse: "403"},
	{name: "CONNECT refused: 407", refuse: "407"},
	{name: "CONNECT refused: 503", refuse: "503"},
}

// scenario is a program and what fails, a row of the table.
type scenario struct {
	program program
	trouble trouble
	http2   bool
	dir     string

	service   *service
	port      int             // of the program
	transport *http.Transport // of the caller
	base      string          // URL of the calls
	running   *exec.Cmd       // nil if the program is not running
}

// scenariosOf returns the scenarios of a program.
func scenariosOf(p program, dir string) (list []*scenario) {
	for _, http2 := range []bool{false, true} {
		for _, t := range troubles {
			if t.refuse == "" || p.tunnel && !http2 {
				list = append(list, &scenario{program: p, trouble: t, http2: http2, dir: dir})
			}
		}
	}
	return list
}

func (s *scenario) name() string {
	return fmt.Sprintf("%s, %s, %s", s.program.name, map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[s.http2], s.trouble.name)
}

func (s *scenario) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// run makes calls one at a time, then 64 at a time.
func (s *scenario) run(ctx context.Context) (total result, err error) {
	for _, load := range [][2]int{{1, 30}, {64, 960}} {
		r, err := s.with(ctx, load[0], load[1])
		total.add(r)
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			return total, err
		}
	}
	if total[sessions] == 0 && s.trouble.refuse == "" {
		return total, errors.New("no call created a session")
	}
	return total, nil
}

// with makes n calls through the program to a new service.
func (s *scenario) with(ctx context.Context, callers, n int) (r result, err error) {
	if s.service, err = serve(s.trouble, s.program.tunnel, s.dir); err != nil {
		return r, err
	}
	defer s.service.end()
	l, err := net.Listen("tcp", "127.0.0.1:0") // to find a free port
	if err != nil {
		return r, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	s.route()
	defer s.transport.CloseIdleConnections()
	defer func() { s.stop(syscall.SIGTERM) }()
	if err := s.start(); err != nil {
		return r, err
	}
	if s.trouble.refuse == "503" {
		s.service.end()
	}
	opts := []client.Option{
		client.WithAPIKey("v1.eu1.rig"), client.WithBaseURL(s.base), client.WithTimeout(5 * time.Second),
		client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 5 * time.Millisecond, MaxBackoff: 50 * time.Millisecond}),
	}
	if s.http2 || s.program.tunnel { // otherwise the client's own transport
		opts = append(opts, client.WithHTTPClient(&http.Client{Transport: s.transport}))
	}
	c, err := client.New(opts...)
	if err != nil {
		return r, err
	}

	done := make(chan []call, 1)
	go func() { done <- makeCalls(ctx, c, callers, n) }()
	for n := 0; ; n++ {
		select {
		case all := <-done:
			s.stop(syscall.SIGTERM)
			s.service.end()
			return evaluate(s.name(), all, s.service), err
		case <-time.After(tick):
		}
		if s.trouble.step != nil && err == nil {
			err = s.trouble.step(s, n)
		}
	}
}

// route configures how calls reach the service through the program.
func (s *scenario) route() {
	s.transport = &http.Transport{MaxIdleConnsPerHost: 64, Protocols: new(http.Protocols)}
	s.transport.Protocols.SetHTTP1(!s.http2)
	s.transport.Protocols.SetHTTP2(s.http2)
	s.transport.Protocols.SetUnencryptedHTTP2(s.http2)
	switch {
	case s.program.tunnel:
		s.transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: s.address()})
		s.base = fmt.Sprintf("https://127.0.0.1:%d", s.service.port)
	case s.program.tls:
		s.base = "https://" + s.address()
	default:
		s.base = "http://" + s.address()
	}
}

func (s *scenario) reload(n int) error {
	if n%2 == 0 {
		return s.running.Process.Signal(s.program.reload)
	}
	return nil
}

func (s *scenario) restart(n int) error {
	switch n % 4 {
	case 2:
		s.stop([]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[n/4%2])
	case 3:
		return s.start()
	}
	return nil
}

// outage stops the service, and later the program in front of it.
func (s *scenario) outage(n int) error {
	switch n {
	case 2:
		return s.service.Close()
	case 5:
		s.stop(syscall.SIGKILL)
	}
	return nil
}
