package wire

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"
)

const maxHeader = 64 << 10

// NewTransport returns an HTTP/1.1-only transport, tuned for many calls to one host.
func NewTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxyResponse,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		Protocols:              protocols,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    1024,
		MaxResponseHeaderBytes: maxHeader,
	}
}

func checkProxyResponse(_ context.Context, proxyURL *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &net.OpError{Op: opProxyConnect, Net: "tcp", Err: &ProxyError{proxyURL.Host, res.StatusCode}}
}
