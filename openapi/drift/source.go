package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
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

// read returns the text of the address or file, with LF line ends. An address is
// read up to three times when what fails may pass.
func read(ctx context.Context, source string, o options) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	again := isAddress(source)
	if !again {
		text, err = readFile(ctx, source)
	}
	for attempt := 0; again && attempt < 3 && ctx.Err() == nil; attempt++ {
		select {
		case <-time.After(time.Duration(attempt) * o.pause):
			if text, again, err = fetch(ctx, source); err != nil {
				err = fmt.Errorf("%s: %w", shown(source), err)
			}
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: %w", shown(source), ended(ctx, o.timeout))
	}
	return text, err
}

func isAddress(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
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
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode != http.StatusOK:
		return "", resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, errors.New("answered " + resp.Status)
	case kind == "text/html":
		return "", false, errors.New("answered with HTML")
	}
	text, err = readText(resp.Body)
	return text, err != nil, err
}

// redirect follows a page that has moved, but not from https to http.
func redirect(next *http.Request, via []*http.Request) error {
	if via[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return errors.New("redirected from https to " + next.URL.Scheme)
	}
	if len(via) >= 10 {
		return errors.New("redirected more than 10 times")
	}
	return nil
}

func readFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	defer context.AfterFunc(ctx, func() { f.Close() })() // ends a read from a pipe
	text, err := readText(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

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

// source is a description and where in the text it was.
type source struct {
	tree tree
	text string
	page bool // it was fenced in a documentation page
}

var (
	// html begins a document, not a component in a page's Markdown.
	html = regexp.MustCompile(`(?i)\A\s*<(!doctype|html|head|\?xml)`)
	// bare begins a description without a page, after comments; not front matter that
	// has a word about OpenAPI.
	bare = regexp.MustCompile(`\A(\s|#.*\n|---\n)*{?\s*"?openapi"?\s*:\s*["']?3`)
	// says is what a description says and a page's other examples do not.
	says = regexp.MustCompile(`(?m)^[\s{]*openapi\s*:|["']openapi["']\s*:`)
	// fence begins or ends a fenced code block (CommonMark 4.5).
	fence = regexp.MustCompile("^( {0,3})(`{3,}|~{3,})\\s*([^`]*)$")
	// described is what the info string of a description's fence begins with.
	described = regexp.MustCompile(`(?i)^(ya?ml|json)`)
)

// extract finds the description: the text itself, or the one fence in it. One that
// is known is not read again.
func extract(text string, known file) (*source, error) {
	if text == known.text {
		return &source{tree: known.tree, text: text}, nil
	}
	if html.MatchString(text) {
		return nil, errors.New("HTML instead of Markdown, YAML or JSON")
	}
	t, notBare := parse(text)
	if notBare == nil || bare.MatchString(text) {
		return &source{tree: t, text: text}, notBare
	}
	blocks, err := fences(text)
	switch {
	case err != nil:
		return nil, err
	case len(blocks) == 0:
		return nil, fmt.Errorf("neither a page with a fenced OpenAPI description nor a description itself: %w", notBare)
	case len(blocks) > 1:
		return nil, fmt.Errorf("%d fenced OpenAPI descriptions, want one", len(blocks))
	case blocks[0] == known.text:
		return &source{tree: known.tree, text: known.text, page: true}, nil
	}
	t, err = parse(blocks[0])
	return &source{tree: t, text: blocks[0], page: true}, err
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
			if open[2][0] == '`' && described.MatchString(open[3]) && says.MatchString(block.String()) {
				found = append(found, block.String())
			}
			open = nil
		case open != nil:
			block.WriteString(strings.TrimPrefix(line, open[1]) + "\n")
		}
	}
	if open != nil && open[2][0] == '`' && described.MatchString(open[3]) {
		return nil, errors.New("the page is cut: the fence of the description is not closed")
	}
	return found, nil
}
