package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/internal/bench/calls"
)

// wire is what lies between a caller and the service.
type wire struct {
	name      string
	baseURL   string
	transport func() http.RoundTripper // a new one, tuned as the client's own
	close     func()
}

const inMemory = "memory"

// memory answers in the caller's goroutine.
func memory() (wire, error) {
	return wire{
		name: inMemory, baseURL: client.DefaultBaseURL,
		transport: func() http.RoundTripper { return new(calls.Memory) },
		close:     func() {},
	}, nil
}

// loopback is HTTP/1.1 over TCP, with connections that are kept.
func loopback() (wire, error) {
	server := httptest.NewServer(http.HandlerFunc(calls.Handler))
	return wire{
		name: "HTTP/1.1", baseURL: server.URL,
		transport: func() http.RoundTripper { return tuned(nil) },
		close:     server.Close,
	}, nil
}

// encrypted is HTTP/2 over TLS.
func encrypted() (wire, error) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(calls.Handler))
	server.EnableHTTP2 = true
	server.StartTLS()
	trust := server.Client().Transport.(*http.Transport).TLSClientConfig
	w := wire{
		name: "HTTP/2", baseURL: server.URL,
		transport: func() http.RoundTripper { return tuned(trust.Clone()) },
		close:     server.Close,
	}
	hc := &http.Client{Transport: w.transport()}
	defer hc.CloseIdleConnections()
	res, err := hc.Get(server.URL) //nolint:noctx // a server of this program's
	if err != nil {
		return w, err
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 {
		return w, fmt.Errorf("the server speaks %s, not HTTP/2", res.Proto)
	}
	return w, nil
}

// tuned is a transport with the settings of the client's own.
func tuned(config *tls.Config) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.IdleConnTimeout = 0, 1024, 30*time.Second
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	t.TLSClientConfig = config
	return t
}
