package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// A proxy that inspects TLS signs with a private certificate authority.
func ExampleNewTransport() {
	newClient := func(proxy, authorities string) (*client.Client, error) {
		proxyURL, err := url.Parse(proxy) // such as http://proxy.internal:3128
		if err != nil {
			return nil, err
		}
		pem, err := os.ReadFile(authorities) // such as /etc/ssl/private-ca.pem
		if err != nil {
			return nil, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, err
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificate in " + authorities)
		}
		transport := client.NewTransport()
		transport.Proxy = http.ProxyURL(proxyURL)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		return client.New(client.WithHTTPClient(&http.Client{Transport: transport}))
	}
	_ = newClient
}
