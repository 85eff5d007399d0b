package repository

import (
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExamples checks that each exported function and type of the public packages has an
// example with output, which go test verifies. For a type, an example of a method or
// constructor is sufficient.
func TestExamples(t *testing.T) {
	t.Parallel()
	checked := func(examples []*doc.Example) bool {
		return slices.ContainsFunc(examples, func(e *doc.Example) bool { return e.Output != "" })
	}
	checkedFunc := func(f *doc.Func) bool { return checked(f.Examples) }
	for _, path := range []string{"client", "client/connect", "client/webhook", "client/stackonetest", "client/stackonetest/hub"} {
		pkg := documentation(t, filepath.Join(root, path))
		functions := pkg.Funcs
		for _, typ := range pkg.Types {
			functions = append(functions, typ.Funcs...)
			assert.True(t, checked(typ.Examples) || slices.ContainsFunc(slices.Concat(typ.Funcs, typ.Methods), checkedFunc),
				"%s.%s has no example with output", path, typ.Name)
		}
		for _, f := range functions {
			assert.True(t, checkedFunc(f), "%s.%s has no example with output", path, f.Name)
		}
	}
}

// documentation returns the documentation of the package in a directory.
func documentation(t *testing.T, dir string) *doc.Package {
	t.Helper()
	dependOn(t, dir)
	sources, err := build.ImportDir(dir, 0)
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range slices.Concat(sources.GoFiles, sources.TestGoFiles, sources.XTestGoFiles) {
		file, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, modulePath)
	require.NoError(t, err)
	require.NotEmpty(t, pkg.Types)
	return pkg
}
