package main

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		faults []stackonetest.Fault
		status []int64 // of each attempt, 0 without a response
	}{
		{"first attempt succeeds", nil, []int64{201}},
		{"two retries", []stackonetest.Fault{{Status: 429, RetryAfter: time.Minute}, {Status: 408}}, []int64{429, 408, 201}},
		{"500", []stackonetest.Fault{{Status: 500}}, []int64{500}},
		{"reset", []stackonetest.Fault{{Reset: stackonetest.ResetAfterReading}}, []int64{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
				srv.Inject(tt.faults...)
				exporter := tracetest.NewInMemoryExporter()
				provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
				c := srv.Client(traced(srv.HTTPClient().Transport, provider))
				link, err := onboard(t.Context(), c, provider.Tracer("test"))

				spans := exporter.GetSpans()
				require.Len(t, spans, len(tt.status)+1)
				parent := spans[len(tt.status)] // ended last
				assert.Equal(t, "onboard", parent.Name)
				assert.Equal(t, err != nil, parent.Status.Code == codes.Error, "%v", err)
				requests := srv.Requests()
				require.Len(t, requests, len(tt.status))
				for i, want := range tt.status {
					span := spans[i]
					assert.Equal(t, trace.SpanKindClient, span.SpanKind)
					assert.Equal(t, parent.SpanContext.SpanID(), span.Parent.SpanID())
					assert.Equal(t, want, status(span))
					assert.Equal(t, want != 201, span.Status.Code == codes.Error)
					assert.Equal(t, "00-"+span.SpanContext.TraceID().String()+"-"+span.SpanContext.SpanID().String()+"-01",
						requests[i].Header.Get("Traceparent"))
				}

				recorded, err := json.Marshal(spans)
				require.NoError(t, err)
				assert.Contains(t, string(recorded), srv.URL+"/connect_sessions", "the JSON contains the attributes")
				secrets := []string{srv.APIKey, base64.StdEncoding.EncodeToString([]byte(srv.APIKey + ":"))}
				if link != nil {
					secrets = append(secrets, link.Token, link.AuthLinkURL)
				}
				for _, secret := range secrets {
					require.NotEmpty(t, secret)
					assert.NotContains(t, string(recorded), secret)
				}
			})
		})
	}
}

// status returns the status in the span of an attempt, or 0.
func status(span tracetest.SpanStub) int64 {
	for _, attribute := range span.Attributes {
		if attribute.Key == "http.response.status_code" {
			return attribute.Value.AsInt64()
		}
	}
	return 0
}
