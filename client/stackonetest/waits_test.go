package stackonetest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

func TestDelaysInVirtualTime(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		fault    stackonetest.Fault
		timeout  time.Duration
		want     time.Duration
		wantErr  error
		sessions int
	}{
		{name: "delay", fault: stackonetest.Fault{Delay: time.Hour}, want: time.Hour, sessions: 1},
		{name: "slow body", fault: stackonetest.Fault{SlowBody: time.Minute}, want: time.Minute, sessions: 1},
		{name: "slow body of a few bytes", fault: stackonetest.Fault{Status: 400, Body: []byte("{} "), SlowBody: time.Minute}, want: time.Minute, wantErr: client.ErrBadRequest},
		{name: "delay, slow body and a status", fault: stackonetest.Fault{Status: 500, Delay: time.Hour, SlowBody: time.Minute}, want: time.Hour + time.Minute, wantErr: client.ErrInternalServer},
		{name: "the client times out", fault: stackonetest.Fault{Delay: time.Hour}, timeout: time.Second, want: time.Second, wantErr: errTimeout, sessions: 1},
		{name: "the client times out during the body", fault: stackonetest.Fault{SlowBody: time.Hour}, timeout: time.Second, want: time.Second, wantErr: errTimeout, sessions: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
				srv.Inject(row.fault)
				began := time.Now()
				_, err := srv.Client(client.WithTimeout(row.timeout)).ConnectSessions.Create(t.Context(), acme)
				assert.Equal(t, row.want, time.Since(began))
				if row.wantErr == errTimeout {
					var late interface{ Timeout() bool }
					require.ErrorAs(t, err, &late)
					assert.True(t, late.Timeout())
				} else {
					require.ErrorIs(t, err, row.wantErr)
				}
				synctest.Wait()
				assert.Len(t, srv.Sessions(), row.sessions)
			})
		})
	}
}

func TestSlowBodyComesInPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		srv.Inject(stackonetest.Fault{Status: 400, Body: []byte("abc"), SlowBody: 3 * time.Minute})
		began := time.Now()
		res, err := srv.HTTPClient().Post(srv.URL+createPath, "application/json", nil)
		require.NoError(t, err)
		defer res.Body.Close()
		assert.Zero(t, time.Since(began), "the header is not delayed")
		for n := range 3 {
			piece := make([]byte, 3)
			length, _ := res.Body.Read(piece)
			assert.Equal(t, "abc"[n:n+1], string(piece[:length]))
			assert.Equal(t, time.Duration(n+1)*time.Minute, time.Since(began))
		}
	})
}

var errTimeout = errors.New("any timeout")
