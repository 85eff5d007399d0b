package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	text := asPage(vendoredText(t))
	mux := http.NewServeMux()
	serve := func(path, kind, body string, status int) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	serve("/page.md", "text/markdown; charset=utf-8", text, 200)
	serve("/drift.md", "text/markdown", strings.Replace(text, "default: 1800", "default: 60", 1), 200)
	serve("/html", "text/html; charset=utf-8", "<!DOCTYPE html>\n<title>Log in</title>\n"+text, 200)
	serve("/html-as-text", "text/plain", "\n<html>", 200)
	serve("/empty", "text/markdown", "", 200)
	serve("/gone", "text/markdown", text, 404)
	serve("/broken", "text/markdown", text, 503)
	serve("/created", "text/markdown", text, 203)
	serve("/large", "text/plain", text+strings.Repeat(" ", maxSource), 200)
	mux.Handle("/moved", http.RedirectHandler("/page.md", http.StatusMovedPermanently))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		io.WriteString(w, text[:len(text)/2])
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, text)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/reset-hard", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	var refused sync.Map // by path, how often
	once := func(path string, refuse http.HandlerFunc) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if _, again := refused.LoadOrStore(path, true); !again {
				refuse(w, r)
				return
			}
			io.WriteString(w, text)
		})
	}
	once("/busy-once", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) })
	once("/broken-once", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	once("/reset-once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	once("/gone-once", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	for _, row := range []struct {
		path   string
		code   int
		reason string
	}{
		{"/page.md", exitSame, ""},
		{"/moved", exitSame, ""},
		{"/drift.md", exitDrift, ""},
		{"/html", exitUnknown, "HTML"},
		{"/html-as-text", exitUnknown, "HTML"},
		{"/empty", exitUnknown, "neither a page"},
		{"/gone", exitUnknown, "404"},
		{"/broken", exitUnknown, "503"},
		{"/busy-once", exitSame, ""},
		{"/broken-once", exitSame, ""},
		{"/reset-once", exitSame, ""},
		{"/gone-once", exitUnknown, "404"},
		{"/created", exitUnknown, "203"},
		{"/large", exitUnknown, "larger than 4 MiB"},
		{"/round", exitUnknown, "more than 10 times"},
		{"/cut", exitUnknown, "unexpected EOF"},
		{"/reset", exitUnknown, "EOF"},
		{"/reset-hard", exitUnknown, "connection reset by peer"},
		{"/slow", exitUnknown, "timed out after 1ms"},
	} {
		t.Run(row.path, func(t *testing.T) {
			t.Parallel()
			args := []string{server.URL + row.path + "?secret=1"}
			if row.path == "/slow" {
				args = []string{"-timeout", "1ms", args[0]}
			}
			code, stdout, stderr := command(t, args...)
			assert.NotContains(t, stdout+stderr, "secret")
			if row.code == exitUnknown {
				requireUnknown(t, code, stdout, stderr, row.reason)
				assert.NotContains(t, stderr, "->", "a local port is another each time")
				return
			}
			assert.Equal(t, row.code, code, stderr)
			assert.Contains(t, stdout, "`"+server.URL+row.path+"`")
		})
	}
	t.Run("connection refused", func(t *testing.T) {
		t.Parallel()
		nobody := httptest.NewServer(nil)
		nobody.Close()
		code, stdout, stderr := command(t, nobody.URL+"?secret=1")
		requireUnknown(t, code, stdout, stderr, "refused; check the network, or save the page and give it as SOURCE=page.md")
		assert.Equal(t, 1, strings.Count(stderr, "127.0.0.1"), "only in the source: a local port would be another each time")
		assert.NotContains(t, stderr, "secret")
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		waiting := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		}))
		defer waiting.Close()
		var out, errs bytes.Buffer
		code := run(ctx, []string{"-vendored", vendoredFile, waiting.URL}, &out, &errs)
		requireUnknown(t, code, out.String(), errs.String(), "canceled")
	})
	t.Run("from https to http", func(t *testing.T) {
		t.Parallel()
		to := func(url string) *http.Request { return httptest.NewRequest(http.MethodGet, url, nil) }
		assert.Error(t, redirect(to("http://example.com"), []*http.Request{to("https://example.com")}))
		assert.NoError(t, redirect(to("https://example.com"), []*http.Request{to("http://example.com")}))
	})
}
