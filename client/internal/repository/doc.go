// Package repository tests the repository as a whole: that the code in its documents
// compiles, that relative links are valid, what the packages export, and what a program
// that imports them depends on. It contains only tests.
package repository
