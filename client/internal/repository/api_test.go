package repository

import (
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/api.txt")

// TestExportedAPI compares the exported API with testdata/api.txt, so that a review shows
// how a change affects users. make api checks compatibility with the last release.
func TestExportedAPI(t *testing.T) {
	t.Parallel()
	const file = "testdata/api.txt"
	got := exportedAPI(t)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "the exported API has changed; if this is intended, run make generate")
}

// exportedAPI lists the exported names of all public packages, one per line.
func exportedAPI(t *testing.T) string {
	t.Helper()
	exports := map[string]string{}
	var public []string
	for _, line := range goList(t, "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Name}}\t{{.Export}}\t{{.Dir}}", root+"/...") {
		fields := strings.Split(line, "\t")
		path, name, dir := fields[0], fields[1], fields[3]
		exports[path] = fields[2]
		if strings.HasPrefix(path, modulePath) && name != "main" && !strings.Contains(path, "/internal/") {
			public = append(public, path)
			dependOn(t, dir)
		}
	}
	packages := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	var list strings.Builder
	for _, path := range public {
		pkg, err := packages.Import(path)
		require.NoError(t, err)
		listPackage(&list, pkg)
	}
	return list.String()
}

// listPackage writes the exported names of a package. It qualifies only the types of other
// packages.
func listPackage(w io.Writer, pkg *types.Package) {
	qualifier := func(other *types.Package) string {
		if other == pkg {
			return ""
		}
		return other.Name()
	}
	line := func(a ...any) {
		fmt.Fprintln(w, append([]any{strings.TrimPrefix(pkg.Path(), modulePath) + ":"}, a...)...)
	}
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		structure, isStruct := object.Type().Underlying().(*types.Struct)
		declared, isType := object.(*types.TypeName)
		isType = isType && !declared.IsAlias()
		switch constant, isConst := object.(*types.Const); {
		case isConst:
			line(types.ObjectString(object, qualifier), "=", constant.Val().ExactString())
		case isType && isStruct:
			line("type", name, "struct")
			for field := range structure.Fields() {
				if field.Exported() {
					line("field", "("+name+")", field.Name(), types.TypeString(field.Type(), qualifier))
				}
			}
		default:
			line(types.ObjectString(object, qualifier))
		}
		if isType {
			values := types.NewMethodSet(object.Type())
			for method := range types.NewMethodSet(types.NewPointer(object.Type())).Methods() {
				if ofValue := values.Lookup(pkg, method.Obj().Name()); ofValue != nil {
					method = ofValue
				}
				if method.Obj().Exported() {
					line(types.SelectionString(method, qualifier))
				}
			}
		}
	}
}
