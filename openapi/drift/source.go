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

// maxSource bounds what is read. StackOne's whole description has about 2 MB.
const maxSource = 16 << 20

// read returns the text of the address or file. An address is read up to three times
// while its failure may be transient.
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
	return text, err
}

// shown is the source as a report may name it: without user info or query.
func shown(source string) string {
	if u, err := url.Parse(source); err == nil && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		return u.String()
	}
	return source
}

// fetch reads an address, and says of an error whether it may pass.
func fetch(ctx context.Context, address string) (text string, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", false, errors.New("not an address")
	}
	req.Header.Set("Accept", "text/markdown, application/yaml, application/json, text/plain")
	req.Header.Set("User-Agent", "stackone-client-go-drift")
	resp, err := (&http.Client{CheckRedirect: redirect}).Do(req)
	if ue, ok := errors.AsType[*url.Error](err); ok { // it repeats the address, query included
		err = ue.Err
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		err = fmt.Errorf("%w; check the network, or save the page and give it as SOURCE=page.md", err)
	}
	if err != nil {
		return "", true, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		busy := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
		return "", busy, errors.New("answered " + resp.Status)
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		return "", false, errors.New("answered with HTML")
	}
	text, err = readText(resp.Body)
	return text, err != nil, err
}

// redirect follows a page that has moved, but not from https to http.
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

// readText returns UTF-8 of a bounded size, with LF line ends.
func readText(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSource:
		return "", fmt.Errorf("larger than %d MiB", maxSource>>20)
	case !utf8.Valid(b):
		return "", errors.New("not text in UTF-8")
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(b), "\uFEFF"), "\r\n", "\n"), nil
}

var (
	// html begins a document, not a component in a page's Markdown.
	html = regexp.MustCompile(`(?i)\A\s*<(!doctype|html|head|\?xml)`)
	// says is what a description says and a page's other examples do not.
	says = regexp.MustCompile(`(?m)^[\s{]*openapi\s*:|["']openapi["']\s*:`)
	// fence begins or ends a fenced code block (CommonMark 4.5).
	fence = regexp.MustCompile("^( {0,3})(`{3,}|~{3,})\\s*([^`]*)$")
)

// extract finds the description: the text itself, or the one fence in it.
func extract(text string) (f file, err error) {
	if html.MatchString(text) {
		return f, errors.New("HTML instead of Markdown, YAML or JSON")
	}
	blocks, err := fences(text)
	switch {
	case err != nil:
		return f, err
	case len(blocks) > 1:
		return f, fmt.Errorf("%d fenced OpenAPI descriptions, want one", len(blocks))
	case len(blocks) == 1:
		t, err := parse(blocks[0])
		return file{tree: t, text: blocks[0], page: true}, err
	}
	t, err := parse(text)
	if err != nil {
		err = fmt.Errorf("neither a page with a fenced OpenAPI description nor a description: %w", err)
	}
	return file{tree: t, text: text}, err
}

// fences returns what is in the fenced code blocks that hold a description. The fence
// of the page has four backticks, as a description may hold fences of three itself.
func fences(text string) (found []string, err error) {
	var open []string // the match of the fence that began
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
		return nil, errors.New("the page is cut: the fence of the description is not closed")
	}
	return found, nil
}
