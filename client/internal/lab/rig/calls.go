//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptrace"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// call is a call and what its caller was told.
type call struct {
	owner string
	err   error
	last  client.Response

	connections, responses atomic.Int32 // reported by net/http
}

// makeCalls makes n calls with a number of concurrent callers, which pause after each call.
func makeCalls(ctx context.Context, c *client.Client, callers, n int) []call {
	all := make([]call, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				all[i].owner = strconv.FormatInt(i, 10)
				pause := 10 * time.Millisecond
				if all[i].make(ctx, c); all[i].err != nil {
					pause = 50 * time.Millisecond
				}
				time.Sleep(rand.N(pause))
			}
		})
	}
	wg.Wait()
	return all
}

func (m *call) make(ctx context.Context, c *client.Client) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { m.connections.Add(1) },
		GotFirstResponseByte: func() { m.responses.Add(1) },
	})
	_, m.err = c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID: m.owner, OriginOwnerName: "rig", Type: gen.AccountTypeTest,
	}, client.WithResponse(&m.last))
}

// result counts calls by their outcome.
type result [6]int

const (
	calls      = iota
	sessions   // created by the service
	twice      // calls that created more than one session
	falseNo    // MaybeCreated was false, but a request arrived and was not refused
	falseMaybe // the caller was told that a session exists or may exist, but every request was refused or never sent
	retries    // requests after the first of a call
)

// evaluate compares what the callers were told with what the service did. It prints the
// first wrong call.
func evaluate(name string, all []call, s *service) (r result) {
	printed := false
	for i := range all {
		m := &all[i]
		if m.owner == "" { // not made, because the run was interrupted
			continue
		}
		t, connections, responses := s.of(m.owner), int(m.connections.Load()), int(m.responses.Load())
		r[calls]++
		r[sessions] += t.sessions
		r[retries] += max(m.last.Attempts, t.arrived, 1) - 1
		switch {
		case t.sessions > 1:
			r[twice]++
		case m.err != nil && !client.MaybeCreated(m.err) && t.arrived > t.refused:
			r[falseNo]++
		// A proxy may send a 5xx if it did not receive the service's refusal.
		case m.err == nil && t.sessions == 0, client.MaybeCreated(m.err) && m.last.StatusCode < 500 &&
			(connections == 0 || connections == responses && responses == t.refused):
			r[falseMaybe]++
		default:
			continue
		}
		if !printed {
			fmt.Fprintf(os.Stderr, "%s: %+v, %d connections, %d responses, error: %v\n", name, t, connections, responses, m.err)
			printed = true
		}
	}
	return r
}

func (r *result) add(o result) {
	for i := range r {
		r[i] += o[i]
	}
}

const tableHead = "| scenario                                     | calls | sessions | twice | false no | false maybe | retries |\n" +
	"| -------------------------------------------- | ----: | -------: | ----: | -------: | ----------: | ------: |"

func (r result) row(name string) string {
	return fmt.Sprintf("| %-44s | %5d | %8d | %5d | %8d | %11d | %7d |", name, r[0], r[1], r[2], r[3], r[4], r[5])
}
