package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// accounts is the backend's store of connected accounts.
var accounts interface {
	Save(ctx context.Context, owner, account string) error
	Remove(ctx context.Context, account string) error
}

// The code of the package documentation: it is compiled, not run.
var _ = func(mux *http.ServeMux) error {
	secrets := strings.Fields(os.Getenv("STACKONE_WEBHOOK_SECRET")) // old and new, during a rotation
	handler, err := webhook.NewHandler(secrets, func(ctx context.Context, event webhook.Event) error {
		switch event.Type {
		case webhook.AccountCreated, webhook.AccountUpdated:
			return accounts.Save(ctx, event.OriginOwnerID, event.AccountID)
		case webhook.AccountDeleted:
			return accounts.Remove(ctx, event.AccountID)
		}
		return nil // other events are not needed
	})
	if err != nil {
		return err
	}
	mux.Handle("/webhooks/stackone", handler)
	return nil
}

// The endpoint of a backend, with a delivery from StackOne and a forged one.
func ExampleNewHandler() {
	handler, err := webhook.NewHandler([]string{"whsec-1"}, func(ctx context.Context, event webhook.Event) error {
		switch event.Type {
		case webhook.AccountCreated, webhook.AccountUpdated:
			fmt.Println("customer", event.OriginOwnerID, "connected", event.Provider, "as account", event.AccountID)
		case webhook.AccountDeleted:
			fmt.Println("account", event.AccountID, "is gone")
		}
		return nil // an error would mean that the event was not stored
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/webhooks/stackone", handler)

	fmt.Println(deliver(mux, "whsec-1"))
	fmt.Println(deliver(mux, "forged"))
	// Output:
	// customer customer-42 connected bamboohr as account 45072196112816593343
	// 200 OK
	// 401 Unauthorized
}

// During the rotation of a secret, deliveries signed with either one are accepted.
func ExampleNewHandler_rotation() {
	store := func(context.Context, webhook.Event) error { return nil }
	handler, err := webhook.NewHandler([]string{"whsec-1", "whsec-2"}, store)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deliver(handler, "whsec-1"))
	fmt.Println(deliver(handler, "whsec-2"))

	// An empty secret is an error of NewHandler, because anyone can sign with it.
	_, err = webhook.NewHandler([]string{"whsec-1", ""}, store)
	fmt.Println(err)
	// Output:
	// 200 OK
	// 200 OK
	// stackone: webhook: invalid signing secret: secret 2 of 2 is empty
}

// With a server other than net/http's, verify the body byte for byte before you parse it.
func ExampleVerify() {
	receive := func(body []byte, signature string) error {
		if err := webhook.Verify(body, signature, "whsec-1"); err != nil {
			return err // respond with 401
		}
		event, err := webhook.Parse(body)
		if err != nil {
			return err // respond with 400
		}
		fmt.Println(event.Type)
		return nil // respond with 200
	}

	body := []byte(`{"event":"account.deleted"}`)
	fmt.Println(receive(body, webhook.Sign(body, "whsec-1")))

	err := receive(body, webhook.Sign(body, "forged"))
	fmt.Println(errors.Is(err, webhook.ErrSignature), err)

	err = receive(body[1:], webhook.Sign(body[1:], "whsec-1"))
	fmt.Println(errors.Is(err, webhook.ErrPayload), err)
	// Output:
	// account.deleted
	// <nil>
	// true stackone: webhook: invalid signature: it matches none of the secrets: check them, and that nothing rewrote the payload
	// true stackone: webhook: invalid payload: not JSON
}

// StackOne also sends events without a constant in this package. Return nil for those
// that you do not need, because an error means that the event was not stored.
func ExampleEventType() {
	store := func(event webhook.Event) error {
		switch event.Type {
		case webhook.AccountCreated, webhook.AccountUpdated, webhook.AccountDeleted:
			fmt.Println("stored", event.Type)
		default:
			fmt.Println("ignored", event.Type)
		}
		return nil
	}
	for _, payload := range []string{`{"event": "account.created"}`, `{"event": "hris_employees.updated"}`} {
		event, err := webhook.Parse([]byte(payload))
		if err != nil {
			log.Fatal(err)
		}
		if err := store(event); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// stored account.created
	// ignored hris_employees.updated
}

// Parse accepts unknown events and keeps unknown members in Raw.
func ExampleParse() {
	event, err := webhook.Parse([]byte(`{
		"event": "hris_employees.updated",
		"record_type": "hris_employees",
		"record_id": 45072196112816593343,
		"event_date": "yesterday",
		"changed": ["job_title"]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.Type, event.RecordID, event.EventDate.IsZero())

	var more struct {
		EventDate string   `json:"event_date"`
		Changed   []string `json:"changed"`
	}
	if err := json.Unmarshal(event.Raw, &more); err != nil {
		log.Fatal(err)
	}
	fmt.Println(more.EventDate, more.Changed)
	// Output:
	// hris_employees.updated 45072196112816593343 true
	// yesterday [job_title]
}

// The test of a receiver signs its own deliveries.
func ExampleSign() {
	handler, err := webhook.NewHandler([]string{"whsec-test"}, func(_ context.Context, event webhook.Event) error {
		return fmt.Errorf("account %s is not known here", event.AccountID)
	})
	if err != nil {
		log.Fatal(err)
	}

	payload := `{"event":"account.deleted","account_id":"7"}`
	request := httptest.NewRequest(http.MethodPost, "/webhooks/stackone", strings.NewReader(payload))
	request.Header.Set(webhook.SignatureHeader, webhook.Sign([]byte(payload), "whsec-test"))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	fmt.Println(recorder.Code)
	// Output: 500
}

// An event is applied once, however often it is delivered. Instead of a map, use a table
// with a unique index on the key, and write to it in the transaction that applies the
// event.
func ExampleEvent_once() {
	seen := map[string]bool{}
	apply := func(event webhook.Event) {
		if seen[event.Key] {
			fmt.Println("seen before")
			return
		}
		seen[event.Key] = true
		fmt.Println(event)
	}

	for _, sentAt := range []string{"09:30:01", "09:35:01"} { // delivered again after five minutes
		event, err := webhook.Parse([]byte(`{"event":"account.created","account_id":"7","record_id":"7","provider":"bamboohr",` +
			`"event_date":"2026-03-01T09:30:00Z","sent_at":"2026-03-01T` + sentAt + `Z"}`))
		if err != nil {
			log.Fatal(err)
		}
		apply(event)
	}
	// Output:
	// webhook.Event("account.created" account_id="7" provider="bamboohr" record_id="7")
	// seen before
}

// deliver posts an event as StackOne does, and returns the status of the response.
func deliver(handler http.Handler, secret string) string {
	const payload = `{"project_id":"p-1","event":"account.created","event_date":"2026-03-01T09:30:00.123Z",` +
		`"record_type":"account","record_id":"45072196112816593343","sent_at":"2026-03-01T09:30:02.000Z",` +
		`"account_id":"45072196112816593343","provider":"bamboohr","origin_owner_id":"customer-42","origin_owner_name":"Acme"}`
	server := httptest.NewServer(handler)
	defer server.Close()
	request, err := http.NewRequest(http.MethodPost, server.URL+"/webhooks/stackone", strings.NewReader(payload))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("x-stackone-signature", webhook.Sign([]byte(payload), secret))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	return response.Status
}
