//go:build unix

// Command mutants breaks code in the ways that gremlins leaves out, and prints the
// mutants that no test notices: cases of a switch, whole conditions, operands of &&
// and ||, returned values, and calls made for their effect.
//
//	mutants DIRECTORY|FILE [go test arguments, such as -skip Soak ./client]
//
// It runs go test once for each mutant, in the directory unless the arguments name
// packages. Mutants are built with an overlay: no file changes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const workers = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: mutants DIRECTORY|FILE [go test arguments]")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string, args []string) error {
	files, dir := []string{path}, filepath.Dir(path)
	if !strings.HasSuffix(path, ".go") {
		files, _ = filepath.Glob(filepath.Join(path, "*.go"))
		dir = path
	}
	var mutants []mutant
	for _, file := range files {
		found, err := mutantsOf(file)
		if err != nil {
			return err
		}
		mutants = append(mutants, found...)
	}
	if len(args) == 0 || !strings.HasPrefix(args[len(args)-1], "./") {
		args = append(args, "./"+filepath.Clean(dir))
	}
	args = append([]string{"test", "-vet=off", "-failfast", "-count=1"}, args...)
	start := time.Now()
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("the tests fail without a mutant: %w\n%s", err, out)
	}
	args = slices.Insert(args, 1, fmt.Sprintf("-timeout=%s", 10*time.Second+2*workers*time.Since(start)))
	temp, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)

	var wg sync.WaitGroup
	var mu sync.Mutex
	fates := map[string]int{}
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for i := range next {
				fate := mutants[i].test(ctx, filepath.Join(temp, fmt.Sprint(i)), args)
				mu.Lock()
				if fates[fate]++; fate == "lived" || fate == "timed out" {
					fmt.Printf("%s: %s\n", fate, mutants[i])
				}
				mu.Unlock()
			}
		})
	}
	for i := 0; i < len(mutants) && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	fmt.Printf("%s: %v of %d\n", path, fates, len(mutants))
	return ctx.Err()
}

// mutant is a file with the bytes from start to end replaced.
type mutant struct {
	file       string
	source     []byte
	line       int
	start, end int
	by         string
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %q becomes %q", m.file, m.line, m.source[m.start:m.end], m.by)
}

// test returns the fate of the mutant. Files whose name starts with temp are its own.
func (m mutant) test(ctx context.Context, temp string, args []string) string {
	original, err := filepath.Abs(m.file)
	overlay, _ := json.Marshal(map[string]any{"Replace": map[string]string{original: temp + ".go"}})
	text := slices.Concat(m.source[:m.start], []byte(m.by), m.source[m.end:])
	if err := errors.Join(err, os.WriteFile(temp+".go", text, 0o600), os.WriteFile(temp+".json", overlay, 0o600)); err != nil {
		return err.Error()
	}
	cmd := exec.CommandContext(ctx, "go", slices.Insert(slices.Clone(args), 1, "-overlay", temp+".json")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the tests too
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "stopped"
	case err == nil:
		return "lived"
	case strings.Contains(string(out), "panic: test timed out"):
		return "timed out"
	case strings.Contains(string(out), "[build failed]"):
		return "not viable"
	}
	return "killed"
}

// operands are what an operand of && or || becomes, and boundaries what comparisons
// in a case become; gremlins breaks other comparisons.
var (
	operands   = map[token.Token]string{token.LAND: "true", token.LOR: "false"}
	boundaries = map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}
	zeros      = map[string]string{"error": "nil", "string": `""`, "int": "0", "int64": "0", "time.Duration": "0"}
)

// mutantsOf lists the mutants of a file; a test and a generated file have none.
func mutantsOf(name string) (list []mutant, err error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.ParseComments)
	if err != nil || ast.IsGenerated(file) || strings.HasSuffix(name, "_test.go") {
		return nil, err
	}
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	text := func(n ast.Node) string { return string(source[offset(n.Pos()):offset(n.End())]) }
	replace := func(from, to token.Pos, by string) {
		list = append(list, mutant{name, source, fset.Position(from).Line, offset(from), offset(to), by})
	}
	negate := func(e ast.Expr) { replace(e.Pos(), e.End(), "!("+text(e)+")") }
	cases := func(body *ast.BlockStmt, conditions bool) {
		for _, s := range body.List {
			clause := s.(*ast.CaseClause)
			for i, e := range clause.List {
				switch {
				case conditions:
					negate(e)
					ast.Inspect(e, func(n ast.Node) bool {
						if b, ok := n.(*ast.BinaryExpr); ok && boundaries[b.Op] != "" {
							replace(b.OpPos, b.Y.Pos(), boundaries[b.Op])
						}
						return true
					})
				case len(clause.List) == 1:
					replace(clause.Pos(), clause.End(), "")
				case i == 0:
					replace(e.Pos(), clause.List[1].Pos(), "")
				default:
					replace(clause.List[i-1].End(), e.End(), "")
				}
			}
		}
	}
	var visit func(results *ast.FieldList) func(ast.Node) bool
	visit = func(results *ast.FieldList) func(ast.Node) bool {
		return func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				ast.Inspect(n.Body, visit(n.Type.Results))
				return false
			case *ast.IfStmt:
				negate(n.Cond)
			case *ast.BinaryExpr:
				if by := operands[n.Op]; by != "" {
					replace(n.X.Pos(), n.X.End(), by)
					replace(n.Y.Pos(), n.Y.End(), by)
				}
			case *ast.SwitchStmt:
				cases(n.Body, n.Tag == nil)
			case *ast.TypeSwitchStmt:
				cases(n.Body, false)
			case *ast.ExprStmt:
				replace(n.Pos(), n.End(), "")
			case *ast.ReturnStmt:
				var types []string
				if results != nil {
					for _, f := range results.List {
						types = append(types, slices.Repeat([]string{text(f.Type)}, max(1, len(f.Names)))...)
					}
				}
				for i, e := range n.Results {
					if len(types) != len(n.Results) {
						break // the results of a call
					}
					if by := zeros[types[i]]; types[i] == "bool" {
						negate(e)
					} else if by != "" && by != text(e) {
						replace(e.Pos(), e.End(), by)
					}
				}
			}
			return true
		}
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			ast.Inspect(f.Body, visit(f.Type.Results))
		}
	}
	return list, nil
}
