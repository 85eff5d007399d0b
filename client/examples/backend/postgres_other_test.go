//go:build !unix

package main

import "errors"

func startPostgres() (address string, stop func(), err error) {
	return "", nil, errors.New("the tests start PostgreSQL only on Unix")
}
