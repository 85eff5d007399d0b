package client

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseBaseURL returns the address with a slash at its end. Its errors do not
// show the address, which may hold a password.
func parseBaseURL(rawURL string) (*url.URL, error) {
	if !visibleASCII(rawURL) {
		return nil, errors.New("the base URL holds characters that no URL has")
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil || u.Opaque != "":
		return nil, errors.New("the base URL cannot be parsed")
	case !validHost(u) || !validPort(u.Port()):
		return nil, errors.New("the base URL has no host, or a port that cannot be: write it as https://host")
	case u.User != nil:
		return nil, errors.New("the base URL holds user info: use WithBasicAuth")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(rawURL, "#"):
		return nil, errors.New("the base URL has a query or a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("the base URL is not https (http is for loopback addresses only)")
	}
	u.Host = strings.TrimSuffix(u.Host, ":") // as net/http does
	return u.JoinPath("/"), nil              // which also resolves dots
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// validHost refuses an IPv6 address without its brackets, too: its end passes for a port.
func validHost(u *url.URL) bool {
	host := u.Hostname()
	return host != "" && (strings.HasPrefix(u.Host, "[") || !strings.Contains(host, ":"))
}

func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}
