// Package repository tests the repository as a whole: that the code in its documents
// compiles, that its links lead somewhere, what its packages export, and what a
// program that imports them compiles. It holds tests only.
package repository
