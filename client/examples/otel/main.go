// Command otel traces a call with OpenTelemetry. An instrumented transport records each
// attempt as a child of the backend's span. The fake StackOne first responds with 429, so
// the program prints the spans of two attempts and the span of the backend.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	exporter, err := stdouttrace.New(stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	defer func() { err = errors.Join(err, provider.Shutdown(context.WithoutCancel(ctx))) }()

	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second})

	c, err := client.New(client.WithAPIKey(srv.APIKey), client.WithBaseURL(srv.URL), traced(client.NewTransport(), provider))
	if err != nil {
		return err
	}
	_, err = onboard(ctx, c, provider.Tracer("example.com/backend"))
	return err
}

// traced returns an option that traces a client's attempts and sends the traceparent
// header. Spans contain the URL, the method and the status. They contain no headers or
// bodies, and therefore no secrets.
func traced(transport http.RoundTripper, provider trace.TracerProvider) client.Option {
	return client.WithHTTPClient(&http.Client{Transport: otelhttp.NewTransport(transport,
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithPropagators(propagation.TraceContext{}),
	)})
}

// onboard creates a session within a span of the backend.
func onboard(ctx context.Context, c *client.Client, tracer trace.Tracer) (*gen.ConnectSessionTokenAuthLink, error) {
	ctx, span := tracer.Start(ctx, "onboard")
	defer span.End()
	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"})
	if err != nil {
		span.SetStatus(codes.Error, err.Error()) // errors contain no secrets
	}
	return link, err
}
