package client

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseBaseURL returns the URL with a trailing slash. Its errors do not quote the URL,
// which may hold a password.
func parseBaseURL(rawURL string) (*url.URL, error) {
	if !visibleASCII(rawURL) {
		return nil, errors.New("the base URL contains invalid characters")
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil || u.Opaque != "":
		return nil, errors.New("the base URL cannot be parsed: write it as https://host")
	case !validHost(u) || !validPort(u.Port()):
		return nil, errors.New("the base URL has no host or an invalid port: write it as https://host")
	case u.User != nil:
		return nil, errors.New("the base URL has user info: use WithBasicAuth")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(rawURL, "#"):
		return nil, errors.New("the base URL has a query or a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("the base URL is not https (http is for loopback addresses only)")
	}
	u.Host = strings.TrimSuffix(u.Host, ":") // as net/http does
	if strings.EqualFold(u.Hostname(), "localhost") {
		u.Host = strings.ToLower(u.Host) // the spelling that net/http sends to no proxy
	}
	return u.JoinPath("/"), nil // also resolves . and ..
}

func loopback(host string) bool {
	ip, _ := netip.ParseAddr(host) // the zero Addr is not loopback
	return strings.EqualFold(host, "localhost") || ip.Unmap().IsLoopback()
}

// validHost also rejects an IPv6 address without brackets, whose end looks like a port.
func validHost(u *url.URL) bool {
	host := u.Hostname()
	return host != "" && (strings.HasPrefix(u.Host, "[") || !strings.Contains(host, ":"))
}

func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

// checkHeader returns why WithHeader rejects a header, nil if it does not. key is canonical.
func checkHeader(key, value string) error {
	switch key {
	case "Authorization", "Host":
		return fmt.Errorf("the header %s cannot be set: another option sets it", key)
	case "Idempotency-Key", "X-Idempotency-Key":
		return fmt.Errorf("the header %s cannot be set: it makes net/http repeat a POST", key)
	case "Accept-Encoding", "Content-Encoding", "Content-Length", "Expect", "Trailer", "Transfer-Encoding",
		"Connection", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Upgrade":
		return fmt.Errorf("the header %s cannot be set: it belongs to the transport", key)
	}
	switch {
	case key == "" || strings.ContainsFunc(key, func(r rune) bool { return !tokenChar(r) }):
		return errors.New("the name of a header is empty or has invalid characters")
	case !visibleASCII(value):
		return fmt.Errorf("the header %s cannot be set: the value has invalid characters", key)
	}
	return nil
}

// tokenChar reports whether a header's name may contain r (RFC 9110, section 5.6.2).
func tokenChar(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func visibleASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// required returns an error for a required field that is empty. The generated code
// would send it as "".
func required(name, value string) error {
	if strings.TrimSpace(value) == "" {
		return fmt.Errorf("%s is required", name)
	}
	return nil
}

// checkExpiresIn rejects what can only be a mistake: a converted time.Duration is in
// nanoseconds.
func checkExpiresIn(seconds int) error {
	const longest = 1_000_000_000 // more than 30 years, or one second in nanoseconds
	return errorIf(seconds < 0 || seconds >= longest, "expires_in is negative or not in seconds: for a time.Duration d, use int(d.Seconds())")
}

func errorIf(wrong bool, text string) error {
	if wrong {
		return errors.New(text)
	}
	return nil
}

// joined is like the error of errors.Join, on one line.
type joined struct{ errs []error }

func (j *joined) Error() string {
	texts := make([]string, len(j.errs))
	for i, err := range j.errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (j *joined) Unwrap() []error { return j.errs }

// join wraps the errors that are not nil: nil for none, and a single one unchanged.
func join(errs ...error) error {
	var wrong []error
	for _, err := range errs {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		return wrong[0]
	}
	return &joined{wrong}
}
