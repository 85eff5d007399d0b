package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// maxSource limits the size of a source. StackOne's whole description has about 2 MB.
const maxSource = 4 << 20

// read returns the text of a URL or file. A URL is read up to three times while the
// failure may be transient.
func read(ctx context.Context, source string, pause time.Duration) (text string, err error) {
	if !strings.HasPrefix(source, "https://") && !strings.HasPrefix(source, "http://") {
		return readFile(source)
	}
	for attempt, again := 0, true; again && attempt < 3; attempt++ {
		select {
		case <-time.After(time.Duration(attempt) * pause):
			text, again, err = fetch(ctx, source)
		case <-ctx.Done():
			again = false
		}
	}
	if ue, ok := errors.AsType[*url.Error](err); ok { // it repeats the URL, query included
		err = ue.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok { // it has a local port, which is another each time
		err = fmt.Errorf("%w; check the network, or save the page and give it as SOURCE=page.md", op.Err)
	}
	return text, err
}

// shown returns the source without user info and query, which may hold secrets.
func shown(source string) string {
	if u, err := url.Parse(source); err == nil && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		return u.String()
	}
	return source
}

// fetch reads a URL; again reports whether an error may be transient.
func fetch(ctx context.Context, address string) (text string, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", false, errors.New("invalid URL")
	}
	req.Header = http.Header{"Accept": {"text/markdown, application/yaml, application/json, text/plain"}, "User-Agent": {"stackone-client-go-drift"}}
	resp, err := (&http.Client{CheckRedirect: redirect}).Do(req)
	if err != nil {
		return "", true, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, errors.New("answered " + resp.Status)
	}
	text, err = readText(resp.Body)
	return text, err != nil, err
}

// redirect is the http.Client's default, except that https must not become http.
func redirect(next *http.Request, via []*http.Request) error {
	if len(via) >= 10 || via[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return errors.New("redirected more than 10 times, or from https to http")
	}
	return nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readText(f)
}

// readText returns UTF-8 text of limited size, with LF line endings.
func readText(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSource:
		return "", fmt.Errorf("larger than %d MiB", maxSource>>20)
	case !utf8.Valid(b):
		return "", errors.New("not UTF-8 text")
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(b), "\uFEFF"), "\r\n", "\n"), nil
}

var (
	// html matches a document, not a component in a page's Markdown.
	html = regexp.MustCompile(`(?i)\A\s*<(!doctype|html|head|\?xml)`)
	// says matches a description, not the other examples of a page.
	says = regexp.MustCompile(`(?m)^[\s{]*openapi\s*:|["']openapi["']\s*:`)
	// fence matches the first and last line of a fenced code block (CommonMark 4.5).
	fence = regexp.MustCompile("^( {0,3})(`{3,}|~{3,})\\s*([^`]*)$")
)

// extract finds the description: the one fenced code block that holds it, or the text itself.
func extract(text string) (f file, err error) {
	blocks, err := fences(text)
	switch {
	case html.MatchString(text):
		return f, errors.New("HTML instead of Markdown, YAML or JSON")
	case err != nil:
		return f, err
	case len(blocks) > 1:
		return f, fmt.Errorf("%d fenced OpenAPI descriptions, want one", len(blocks))
	}
	f.text, f.page = append(blocks, text)[0], len(blocks) == 1
	if f.tree, err = parse(f.text); err != nil && !f.page {
		err = fmt.Errorf("neither a page with a fenced OpenAPI description nor a description: %w", err)
	}
	return f, err
}

// fences returns the content of the fenced code blocks that hold a description. The
// page's fence has four backticks, since descriptions may contain fences of three.
func fences(text string) (found []string, err error) {
	var open []string // the match of the opening fence
	var block strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case open == nil && mark != nil:
			open = mark
			block.Reset()
		case mark != nil && strings.HasPrefix(mark[2], open[2]) && mark[3] == "":
			if open[2][0] == '`' && says.MatchString(block.String()) {
				found = append(found, block.String())
			}
			open = nil
		case open != nil:
			block.WriteString(strings.TrimPrefix(line, open[1]) + "\n")
		}
	}
	if open != nil && open[2][0] == '`' && says.MatchString(block.String()) {
		return nil, errors.New("the page is truncated: the fence around the description is not closed")
	}
	return found, nil
}
