package wire

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"
)

const maxHeader = 64 << 10

// NewTransport returns a transport for many calls to one host, over HTTP/1.1 only.
func NewTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxyAnswered,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		Protocols:              protocols,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    1024,
		MaxResponseHeaderBytes: maxHeader,
	}
}

func proxyAnswered(_ context.Context, proxyURL *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &net.OpError{Op: opProxyConnect, Net: "tcp", Err: &ProxyError{proxyURL.Host, res.StatusCode}}
}
