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

// call is one call as its caller saw it.
type call struct {
	owner string
	err   error
	last  client.Response

	connections, answers atomic.Int32 // that net/http got
}

// makeCalls makes the calls with so many callers, who pause after each call.
func makeCalls(ctx context.Context, c *client.Client, callers, calls int) []call {
	made := make([]call, calls)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(calls) && ctx.Err() == nil; i = next.Add(1) - 1 {
				made[i].owner = strconv.FormatInt(i, 10)
				pause := 10 * time.Millisecond
				if made[i].make(ctx, c); made[i].err != nil {
					pause = 50 * time.Millisecond
				}
				time.Sleep(rand.N(pause))
			}
		})
	}
	wg.Wait()
	return made
}

func (m *call) make(ctx context.Context, c *client.Client) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { m.connections.Add(1) },
		GotFirstResponseByte: func() { m.answers.Add(1) },
	})
	_, m.err = c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID: m.owner, OriginOwnerName: "rig", Type: gen.AccountTypeTest,
	}, client.WithResponse(&m.last))
}

// result counts calls, and what became of them.
type result [6]int

const (
	calls    = iota
	sessions // that the service created
	twice    // calls that created more than one
	denied   // told that there is no session, but the request was processed or lost
	imagined // told that there is or may be a session, but every request was refused or never left
	repeats  // requests after the first of a call
)

// judge compares what the callers were told with the truth.
func judge(name string, made []call, s *service) (r result) {
	told := false
	for i := range made {
		m := &made[i]
		if m.owner == "" { // interrupted before
			continue
		}
		t, connections, answers := s.of(m.owner), int(m.connections.Load()), int(m.answers.Load())
		r[calls]++
		r[sessions] += t.sessions
		r[repeats] += max(m.last.Attempts, t.arrived, 1) - 1
		switch {
		case t.sessions > 1:
			r[twice]++
		case m.err != nil && !client.MaybeCreated(m.err) && t.arrived > t.refused:
			r[denied]++
		// A 5xx is a proxy's that did not get the service's refusal.
		case m.err == nil && t.sessions == 0, client.MaybeCreated(m.err) && m.last.StatusCode < 500 &&
			(connections == 0 || connections == answers && answers == t.refused):
			r[imagined]++
		default:
			continue
		}
		if !told { // one example
			fmt.Fprintf(os.Stderr, "%s: %+v, %d connections, %d answers; told: %v\n", name, t, connections, answers, m.err)
			told = true
		}
	}
	return r
}

func (r *result) add(o result) {
	for i := range r {
		r[i] += o[i]
	}
}

const tableHead = "| scenario                                     | calls | sessions | twice | told none, arrived | told maybe, none | repeats |\n" +
	"| -------------------------------------------- | ----: | -------: | ----: | -----------------: | ---------------: | ------: |"

func (r result) row(name string) string {
	return fmt.Sprintf("| %-44s | %5d | %8d | %5d | %18d | %16d | %7d |", name, r[0], r[1], r[2], r[3], r[4], r[5])
}
