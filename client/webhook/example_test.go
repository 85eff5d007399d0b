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

// accounts is where a backend keeps who has connected what.
var accounts interface {
	Save(ctx context.Context, owner, account string) error
	Remove(ctx context.Context, account string) error
}

// The package's documentation, compiled and not run.
var _ = func(mux *http.ServeMux) error {
	secrets := []string{os.Getenv("STACKONE_WEBHOOK_SECRET")} // both, while it is rotated
	handler, err := webhook.NewHandler(secrets, func(ctx context.Context, event webhook.Event) error {
		switch event.Type {
		case webhook.AccountCreated, webhook.AccountUpdated:
			return accounts.Save(ctx, event.OriginOwnerID, event.AccountID)
		case webhook.AccountDeleted:
			return accounts.Remove(ctx, event.AccountID)
		}
		return nil // an event of no interest
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
		return nil // an error would say that the event was not taken
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

// While a secret is rotated, deliveries signed with either are accepted.
func ExampleNewHandler_rotation() {
	take := func(context.Context, webhook.Event) error { return nil }
	handler, err := webhook.NewHandler([]string{"whsec-1", "whsec-2"}, take)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deliver(handler, "whsec-1"))
	fmt.Println(deliver(handler, "whsec-2"))

	// A secret that is not set is an error at the start, because anyone can sign with an empty one.
	_, err = webhook.NewHandler([]string{"whsec-1", ""}, take)
	fmt.Println(err)
	// Output:
	// 200 OK
	// 200 OK
	// stackone: webhook: invalid signing secret: secret 2 of 2 is empty
}

// A server that is not net/http verifies the bytes of the body before it reads
// anything in them.
func ExampleVerify() {
	receive := func(body []byte, signature string) error {
		if err := webhook.Verify(body, signature, "whsec-1"); err != nil {
			return err // answer 401
		}
		event, err := webhook.Parse(body)
		if err != nil {
			return err // answer 400
		}
		fmt.Println(event.Type)
		return nil // answer 200
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

// StackOne sends more events than this package names. Return nil for those that you do
// not use, because an error means that the event was not taken.
func ExampleEventType() {
	take := func(event webhook.Event) error {
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
		if err := take(event); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// stored account.created
	// ignored hris_employees.updated
}

// Events and members that this package does not name are kept.
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

// A test of a receiver signs its own deliveries.
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

// An event is applied once, however often it is delivered. Where this example has
// a map, have a table whose unique index is the key, and write to it in the
// transaction that applies the event.
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

// deliver posts an event as StackOne does, and returns the status of the answer.
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
