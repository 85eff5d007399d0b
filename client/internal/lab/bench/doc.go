// Package bench compares the cost of a call through package client with the same
// call written by hand and with the same call through other Go clients. make bench
// runs the benchmarks and writes client/BENCHMARKS.md.
package bench
