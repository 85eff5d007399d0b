package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// The certificate of a server, or of a proxy that inspects TLS, is signed by a private CA.
func ExampleNewTransport() {
	srv := stackonetest.NewServer(stackonetest.TLS(nil))
	defer srv.Close()
	pem := srv.CA() // in a program, from os.ReadFile("/etc/ssl/private-ca.pem")

	pool, err := x509.SystemCertPool()
	if err != nil {
		log.Fatal(err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		log.Fatal("no certificate")
	}
	transport := client.NewTransport()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	c, err := client.New(
		client.WithAPIKey(srv.APIKey),
		client.WithBaseURL(srv.URL),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	_, err = onboard(context.Background(), c)
	fmt.Println(err)
	// Output: <nil>
}

// The program sets the proxy. By default, the environment variable HTTPS_PROXY does.
func ExampleNewTransport_proxy() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		fmt.Println("through the proxy:", r.In.Method, r.In.URL.Path)
	}})
	defer proxy.Close()
	proxyURL, err := url.Parse(proxy.URL) // such as http://user:password@proxy.internal:3128
	if err != nil {
		log.Fatal(err)
	}

	transport := client.NewTransport()
	transport.Proxy = http.ProxyURL(proxyURL)
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

// counting counts attempts and failed attempts.
type counting struct {
	http.RoundTripper
	attempts, failed atomic.Int64 // in a program, counters of a metrics library
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.attempts.Add(1)
	res, err := c.RoundTripper.RoundTrip(r)
	if err != nil || res.StatusCode >= 400 {
		c.failed.Add(1)
	}
	return res, err
}

// Metrics belong to the transport, which sees each attempt.
func ExampleWithHTTPClient_metrics() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": nil}})

	metrics := &counting{RoundTripper: client.NewTransport()}
	c := srv.Client(client.WithHTTPClient(&http.Client{Transport: metrics}))
	_, err := onboard(context.Background(), c)
	fmt.Println(err, metrics.attempts.Load(), metrics.failed.Load())
	// Output: <nil> 2 1
}

// A gateway in front of StackOne requires a client certificate.
func ExampleWithHTTPClient_mutualTLS() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	gateway, certificate, authorities := newGateway(srv.URL)
	defer gateway.Close()

	transport := client.NewTransport()
	transport.TLSClientConfig = &tls.Config{
		Certificates: []tls.Certificate{certificate}, // from tls.LoadX509KeyPair
		RootCAs:      authorities,                    // default: the system's
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

// newGateway returns a gateway, a client certificate that it accepts, and its CA.
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
