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

// read returns the text of the address or file, with LF line ends.
func read(ctx context.Context, source string, o options) (text string, err error) {
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if u := address(source); u != nil {
		text, err = fetch(limited, u, o.pause)
	} else {
		text, err = readFile(limited, source)
	}
	switch {
	case ctx.Err() != nil:
		return "", errors.New("interrupted")
	case limited.Err() != nil:
		return "", fmt.Errorf("%s: %w; -timeout allows more", shown(source), ended(limited, o.timeout))
	}
	return text, err
}

// address is the source's, nil when it is a file.
func address(source string) *url.URL {
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	return u
}

// shown is the source as a report may name it: without user info or query.
func shown(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.Host == "" {
		return source
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// fetch reads an address, up to three times: what fails may pass.
func fetch(ctx context.Context, u *url.URL, pause time.Duration) (text string, err error) {
	for attempt := range 3 {
		select {
		case <-time.After(time.Duration(attempt) * pause):
			if text, err = fetchOnce(ctx, u); err == nil {
				return text, nil
			}
		case <-ctx.Done():
		}
	}
	return "", err
}

func fetchOnce(ctx context.Context, u *url.URL) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "text/markdown, application/yaml, application/json, text/plain")
	req.Header.Set("User-Agent", "stackone-client-go-drift")
	resp, err := (&http.Client{CheckRedirect: redirect}).Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok { // it repeats the address, query included
			err = ue.Err
		}
		if _, ok := errors.AsType[*net.OpError](err); ok {
			err = fmt.Errorf("%w; check the network, or save the page and give it as SOURCE=page.md", err)
		}
		return "", fmt.Errorf("%s: %w", shown(u.String()), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s", shown(u.String()), resp.Status)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		return "", fmt.Errorf("%s answered with HTML", shown(u.String()))
	}
	return readText(resp.Body, shown(u.String()))
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
	return readText(f, path)
}

func readText(r io.Reader, name string) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", name, err)
	case len(b) > maxSource:
		return "", fmt.Errorf("%s is larger than %d MiB", name, maxSource>>20)
	case !utf8.Valid(b):
		return "", fmt.Errorf("%s is not text in UTF-8", name)
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(b), "\uFEFF"), "\r\n", "\n"), nil
}

// source is a description and where in the text it was.
type source struct {
	tree tree
	text string
	page bool // it was fenced in a documentation page
}

// html begins a document, not a component in a page's Markdown.
var html = regexp.MustCompile(`(?i)\A\s*<(!doctype|html|head|\?xml)`)

// bare begins a description without a page, after comments; not front matter that
// has a word about OpenAPI.
var bare = regexp.MustCompile(`\A(\s|#.*\n|---\n)*{?\s*"?openapi"?\s*:\s*["']?3\.`)

// says is what a description says and a page's other examples do not.
var says = regexp.MustCompile(`(?m)^[\s{]*openapi\s*:|["']openapi["']\s*:`)

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
	if notBare == nil {
		return &source{tree: t, text: text}, nil
	}
	if bare.MatchString(text) {
		return nil, notBare
	}
	blocks, err := fences(text)
	if err != nil {
		return nil, err
	}
	switch len(blocks) {
	case 0:
		return nil, fmt.Errorf("neither a page with a fenced OpenAPI description nor a description itself: %w", notBare)
	case 1:
	default:
		return nil, fmt.Errorf("%d fenced OpenAPI descriptions, want one", len(blocks))
	}
	if blocks[0] == known.text {
		return &source{tree: known.tree, text: known.text, page: true}, nil
	}
	if t, err = parse(blocks[0]); err != nil {
		return nil, err
	}
	return &source{tree: t, text: blocks[0], page: true}, nil
}

// fences returns what is in the fenced code blocks (CommonMark 4.5) that hold a
// description. The fence of the page has four backticks, as a description may
// hold fences of three itself.
func fences(text string) ([]string, error) {
	var (
		found  []string
		fence  string // the open fence, "" outside
		indent int
		wanted bool
		block  strings.Builder
	)
	for line := range strings.SplitSeq(text, "\n") {
		body := strings.TrimLeft(line, " ")
		spaces := len(line) - len(body)
		run := len(body) - len(strings.TrimLeft(body, body[:min(1, len(body))]))
		marks := spaces < 4 && run >= 3 && (body[0] == '`' || body[0] == '~')
		switch {
		case fence == "" && marks:
			info := strings.ToLower(strings.TrimSpace(body[run:]))
			if body[0] == '`' && strings.Contains(info, "`") {
				continue // a code span
			}
			fence, indent = body[:run], spaces
			wanted = body[0] == '`' && (strings.HasPrefix(info, "yaml") || strings.HasPrefix(info, "yml") || strings.HasPrefix(info, "json"))
			block.Reset()
		case fence != "" && marks && strings.HasPrefix(body, fence) && strings.TrimSpace(body[run:]) == "":
			if wanted && says.MatchString(block.String()) {
				found = append(found, block.String())
			}
			fence = ""
		case fence != "":
			block.WriteString(line[min(indent, spaces):] + "\n")
		}
	}
	if fence != "" && wanted {
		return nil, errors.New("the page is cut: the fence of the description is not closed")
	}
	return found, nil
}
