#!/bin/sh
# Prints a name and a signature for each test vector, made by openssl alone.
# It repeats the payloads and secrets of signature_test.go on purpose.
set -eu

sign() { # name secret; the payload is standard input
	printf '%s ' "$1"
	openssl dgst -sha256 -hmac "$2" -binary | openssl base64 -A | tr '+/' '-_' | tr -d '='
	printf '\n'
}

account='{"project_id":"p-1","event":"account.created","event_date":"2026-03-01T09:30:00.123Z","record_type":"account","record_id":45072196112816593343,"sent_at":"2026-03-01T09:30:02.000Z","account_id":"45072196112816593343","provider":"bamboohr","origin_owner_id":"customer-42","origin_owner_name":"Acme"}'

printf '%s' "$account" | sign account whsec-current
printf '%s' "$account" | sign account-old-secret whsec-old
printf '%s\n' "$account" | sign trailing-newline whsec-current
printf '%s' '{"event":"account.updated","origin_owner_name":"Æsir & Søn 株式会社 🐙"}' | sign unicode whsec-current
printf '%s' '{"event":"account.updated"}' | sign unicode-secret 'geheim-ключ-鍵'
printf '%s' '{"event":"account.deleted"}' | sign secret-over-a-block "$(printf 'k%.0s' $(seq 100))"
printf '' | sign empty-payload whsec-current
printf '\000\377\n' | sign not-text whsec-current
