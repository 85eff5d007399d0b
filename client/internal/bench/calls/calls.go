// Package calls makes the two calls on connect sessions in three ways, so that
// their costs can be compared: through package client, through the generated
// client alone, and by hand with net/http and encoding/json.
package calls

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Way is one way to make the calls. Each function is a whole call, safe for
// concurrent use, that sends the same request and returns the same answer as
// another way's.
type Way struct {
	Name         string
	Create       func(context.Context) (*gen.ConnectSessionTokenAuthLink, error)
	Authenticate func(context.Context) (*gen.ConnectSession, error)
}

// The names of a way's operations.
const (
	OpCreate       = "create"
	OpAuthenticate = "authenticate"
)

// Call makes the call of an operation and drops its result.
func (w Way) Call(ctx context.Context, operation string) (err error) {
	switch operation {
	case OpCreate:
		_, err = w.Create(ctx)
	case OpAuthenticate:
		_, err = w.Authenticate(ctx)
	default:
		err = fmt.Errorf("no operation %q", operation)
	}
	return err
}

// The requests of every way, with what a backend usually fills in.
var (
	session = gen.ConnectSessionCreate{
		OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Provider: "bamboohr",
		Categories: []gen.Category{gen.CategoryHRIS}, Metadata: map[string]any{"plan": "pro"},
	}
	token = gen.ConnectSessionAuthenticate{Token: "eyJhbGciOiJIUzI1NiJ9.token"}
)

const (
	key     = "v1.eu.key"
	timeout = 65 * time.Second // of an attempt, as the client's is by default
	maxBody = 1 << 20
)

// Client calls through package client, over the client's own transport when
// transport is nil.
func Client(baseURL string, transport http.RoundTripper, opts ...client.Option) (Way, error) {
	opts = append([]client.Option{client.WithAPIKey(key), client.WithBaseURL(baseURL)}, opts...)
	if transport != nil {
		opts = append(opts, client.WithHTTPClient(&http.Client{Transport: transport}))
	}
	c, err := client.New(opts...)
	return Way{
		Name: "client",
		Create: func(ctx context.Context) (*gen.ConnectSessionTokenAuthLink, error) {
			return c.ConnectSessions.Create(ctx, session)
		},
		Authenticate: func(ctx context.Context) (*gen.ConnectSession, error) {
			return c.ConnectSessions.Authenticate(ctx, token)
		},
	}, err
}

// Generated calls through the generated client alone.
func Generated(baseURL string, transport http.RoundTripper) (Way, error) {
	c, err := gen.NewClientWithResponses(baseURL,
		gen.WithHTTPClient(&http.Client{Transport: transport}),
		gen.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
			req.SetBasicAuth(key, "")
			req.Header.Set("Accept", "application/json")
			return nil
		}))
	return Way{
		Name: "generated",
		Create: func(ctx context.Context) (*gen.ConnectSessionTokenAuthLink, error) {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			res, err := c.CreateConnectSessionWithResponse(ctx, session)
			if err != nil {
				return nil, err
			}
			if res.JSON201 == nil {
				return nil, fmt.Errorf("create: %s", res.Status())
			}
			return res.JSON201, nil
		},
		Authenticate: func(ctx context.Context) (*gen.ConnectSession, error) {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			res, err := c.AuthenticateConnectSessionWithResponse(ctx, token)
			if err != nil {
				return nil, err
			}
			if res.JSON201 == nil {
				return nil, fmt.Errorf("authenticate: %s", res.Status())
			}
			return res.JSON201, nil
		},
	}, err
}

// ByHand calls as one would write it for these two operations alone.
func ByHand(baseURL string, transport http.RoundTripper) Way {
	hc := &http.Client{Transport: transport}
	create, authenticate := baseURL+"/connect_sessions", baseURL+"/connect_sessions/authenticate"
	return Way{
		Name: "by hand",
		Create: func(ctx context.Context) (*gen.ConnectSessionTokenAuthLink, error) {
			return post[gen.ConnectSessionTokenAuthLink](ctx, hc, create, session)
		},
		Authenticate: func(ctx context.Context) (*gen.ConnectSession, error) {
			return post[gen.ConnectSession](ctx, hc, authenticate, token)
		},
	}
}

func post[Answer any](ctx context.Context, hc *http.Client, url string, request any) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(key, "")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := hc.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	answer := new(Answer)
	if err := json.Unmarshal(text, answer); err != nil {
		return nil, err
	}
	return answer, nil
}
