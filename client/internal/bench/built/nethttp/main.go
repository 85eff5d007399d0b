// Command nethttp creates a connect session with net/http and encoding/json
// alone. It is built to see what package client adds.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 65*time.Second)
	defer cancel()
	url, err := create(ctx, os.Getenv("STACKONE_API_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)
}

func create(ctx context.Context, key string) (url string, err error) {
	body, err := json.Marshal(map[string]string{"origin_owner_id": "customer-42", "origin_owner_name": "Acme"})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.stackone.com/connect_sessions", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(key, "")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("create a connect session: %s", res.Status)
	}
	var link struct {
		AuthLinkURL string `json:"auth_link_url"`
	}
	err = json.NewDecoder(res.Body).Decode(&link)
	return link.AuthLinkURL, err
}
