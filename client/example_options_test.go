package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// A key that is rotated while the program runs is used from the next attempt on.
func ExampleWithAPIKeyFunc() {
	srv := stackonetest.NewServer()
	defer srv.Close()

	var current atomic.Value // what watches the secret store writes here
	current.Store("rotated away")
	ctx, c := context.Background(), srv.Client(client.WithAPIKeyFunc(func(context.Context) (string, error) {
		return current.Load().(string), nil
	}))
	_, err := onboard(ctx, c)
	fmt.Println(errors.Is(err, client.ErrUnauthorized))

	current.Store(srv.APIKey)
	_, err = onboard(ctx, c)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A transport of your own sends requests through a proxy.
func ExampleWithHTTPClient() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		fmt.Println("through the proxy:", r.In.Method, r.In.URL.Path)
	}})
	defer proxy.Close()
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		log.Fatal(err)
	}

	transport := client.NewTransport()
	transport.Proxy = http.ProxyURL(proxyURL) // instead of http.ProxyFromEnvironment
	c, err := client.New(
		client.WithAPIKey(srv.APIKey),
		client.WithBaseURL(srv.URL),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	_, err = onboard(context.Background(), c)
	fmt.Println(err)
	// Output:
	// through the proxy: POST /connect_sessions
	// <nil>
}

// A gateway in front of StackOne can ask for a certificate of the client's.
func ExampleWithHTTPClient_mutualTLS() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	gateway, certificate, authorities := newGateway(srv.URL)
	defer gateway.Close()

	transport := client.NewTransport()
	transport.TLSClientConfig = &tls.Config{
		Certificates: []tls.Certificate{certificate}, // of tls.LoadX509KeyPair
		RootCAs:      authorities,                    // the system's unless it is set
	}
	c, err := client.New(
		client.WithAPIKey(srv.APIKey),
		client.WithBaseURL(gateway.URL),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	_, err = onboard(context.Background(), c)
	fmt.Println(err)
	// Output:
	// a certificate of [Acme Co]
	// <nil>
}

// newGateway returns a gateway, a certificate that it lets in, and who signed its own.
func newGateway(to string) (*httptest.Server, tls.Certificate, *x509.CertPool) {
	target, err := url.Parse(to)
	if err != nil {
		log.Fatal(err)
	}
	gateway := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		fmt.Println("a certificate of", r.In.TLS.PeerCertificates[0].Subject.Organization)
		r.SetURL(target)
	}})
	gateway.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	gateway.StartTLS()
	authorities := x509.NewCertPool()
	authorities.AddCert(gateway.Certificate())
	return gateway, gateway.TLS.Certificates[0], authorities
}

// One record for each attempt, with nothing in it that is secret.
func ExampleWithLogger() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": nil}})

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "duration", "request_id": // which differ each time
				return slog.Attr{}
			}
			return a
		},
	}))
	c := srv.Client(client.WithLogger(logger), client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
	if _, err := onboard(context.Background(), c); err != nil {
		log.Fatal(err)
	}
	// Output:
	// level=WARN msg="stackone attempt" operation=create_connect_session attempt=1 status=429 wait=1ns
	// level=INFO msg="stackone attempt" operation=create_connect_session attempt=2 status=201 wait=0s
}

// The answer as it arrived, also of a call that failed: here a proxy's, which is
// no JSON.
func ExampleWithResponse() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.ProxyError(http.StatusBadGateway))

	var response client.Response
	_, err := srv.Client().ConnectSessions.Create(context.Background(),
		gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"},
		client.WithResponse(&response))
	fmt.Println(errors.Is(err, client.ErrBadGateway), response.StatusCode, response.Attempts)
	fmt.Printf("%s: %.6s\n", response.Header.Get("Content-Type"), response.Body)
	// Output:
	// true 502 1
	// text/html: <html>
}
