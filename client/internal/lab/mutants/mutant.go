//go:build unix

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
)

// prefix starts the names that mutants add to a package.
const prefix = "mutant_"

// helpers are what the code of mutants calls.
const helpers = `

import "os"
import "strconv"

var mutant_ = func() int {
	i, err := strconv.Atoi(os.Getenv("MUTANT"))
	if err != nil {
		return -1
	}
	return i
}()

func mutant_not(i int, b bool) bool { return b != (mutant_ == i) }

func mutant_pick[T any](i int, v, w T) T {
	if mutant_ == i {
		return w
	}
	return v
}

func mutant_zero[T any](i int, v T) T { return mutant_pick(i, v, *new(T)) }

func mutant_except[T, I any](i int, v I) I {
	if _, ok := any(v).(T); ok {
		return mutant_zero(i, v)
	}
	return v
}
`

// mutant puts code around the code from start to end; # in it is the mutant's number.
type mutant struct {
	file           string
	line, lastLine int
	start, end     int
	before, after  string
	what           string
	dropped        bool // it cannot be compiled
}

func (m *mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

type source struct {
	name string
	text []byte
	fset *token.FileSet
	file *ast.File
}

func parse(name string) (*source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s := &source{name: name, text: text, fset: token.NewFileSet()}
	s.file, err = parser.ParseFile(s.fset, name, text, parser.ParseComments)
	return s, err
}

// rewrite returns the source with its mutants.
func (s *source) rewrite(mutants []*mutant) []byte {
	type insertion struct {
		at, order int // an outer mutant comes first before the code, and last after it
		text      string
	}
	var list []insertion
	for i, m := range mutants {
		if m.file == s.name && !m.dropped {
			number := strconv.Itoa(i)
			list = append(list, insertion{m.start, i, strings.ReplaceAll(m.before, "#", number)},
				insertion{m.end, -1 - i, strings.ReplaceAll(m.after, "#", number)})
		}
	}
	slices.SortFunc(list, func(a, b insertion) int { return cmp.Or(a.at-b.at, a.order-b.order) })
	var out []byte
	last := 0
	for _, i := range list {
		out = append(append(out, s.text[last:i.at]...), i.text...)
		last = i.at
	}
	return append(out, s.text[last:]...)
}

// mutants lists the mutants of a source; a generated one has none.
func (s *source) mutants() []*mutant {
	if ast.IsGenerated(s.file) {
		return nil
	}
	v := &visitor{source: s, negated: map[ast.Expr]bool{}}
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			ast.Inspect(f.Body, v.in(f.Type.Results))
		}
	}
	return v.list
}

type visitor struct {
	*source
	list    []*mutant
	negated map[ast.Expr]bool
}

func (v *visitor) offset(p token.Pos) int { return v.fset.Position(p).Offset }

func (v *visitor) of(n ast.Node) string {
	return strings.ReplaceAll(string(v.text[v.offset(n.Pos()):v.offset(n.End())]), "\n", " ")
}

func (v *visitor) add(n ast.Node, before, after, what string) {
	v.list = append(v.list, &mutant{
		file: v.name, line: v.fset.Position(n.Pos()).Line, lastLine: v.fset.Position(n.End()).Line,
		start: v.offset(n.Pos()), end: v.offset(n.End()), before: before, after: after, what: strings.Join(strings.Fields(what), " "),
	})
}

func (v *visitor) negate(e ast.Expr) {
	e = ast.Unparen(e)
	if !v.negated[e] {
		v.negated[e] = true
		v.add(e, "mutant_not(#, ", ")", "not "+v.of(e))
	}
}

var (
	boundaries = map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}
	arithmetic = map[token.Token]string{token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*"}
	zeros      = map[string]string{"error": "nil", "string": `""`, "int": "0", "int64": "0", "time.Duration": "0"}
)

// binary breaks a comparison, an operand of && or ||, or an arithmetic operation.
func (v *visitor) binary(n *ast.BinaryExpr) {
	x, y := v.of(n.X), v.of(n.Y)
	switch n.Op {
	case token.LAND, token.LOR:
		for _, operand := range []ast.Expr{n.X, n.Y} {
			if n.Op == token.LAND {
				v.add(operand, "(mutant_ == # || (", "))", v.of(n)+": "+v.of(operand)+" becomes true")
			} else {
				v.add(operand, "(mutant_ != # && (", "))", v.of(n)+": "+v.of(operand)+" becomes false")
			}
		}
		return
	case token.EQL, token.NEQ:
		v.negate(n)
	case token.LSS, token.GTR:
		v.negate(n)
		v.add(n, "(mutant_ == # && ("+x+") == ("+y+") || ", ")", v.of(n)+" becomes "+boundaries[n.Op])
	case token.LEQ, token.GEQ:
		v.negate(n)
		v.add(n, "(!(mutant_ == # && ("+x+") == ("+y+")) && ", ")", v.of(n)+" becomes "+boundaries[n.Op])
	default:
		by := arithmetic[n.Op]
		if by != "" && !strings.HasPrefix(x, `"`) && !strings.HasPrefix(y, `"`) {
			v.add(n, "mutant_pick(#, ", ", ("+x+")"+by+"("+y+"))", v.of(n)+" becomes "+by)
		}
	}
}

// cases leaves out the cases of a switch.
func (v *visitor) cases(tag ast.Expr, body *ast.BlockStmt, types bool) {
	for _, c := range body.List {
		for _, e := range c.(*ast.CaseClause).List {
			switch {
			case tag == nil:
				v.negate(e)
			case !types && v.of(e) != "0" && v.of(e) != `""`:
				v.add(e, "mutant_zero(#, ", ")", "no case "+v.of(e))
			case types && v.of(e) != "nil":
				v.add(tag, "mutant_except["+v.of(e)+"](#, ", ")", "no case "+v.of(e))
			}
		}
	}
}

// returns breaks what a function with these results returns.
func (v *visitor) returns(n *ast.ReturnStmt, results *ast.FieldList) {
	var types []string
	if results != nil {
		for _, f := range results.List {
			types = append(types, slices.Repeat([]string{v.of(f.Type)}, max(1, len(f.Names)))...)
		}
	}
	for i, e := range n.Results {
		if len(types) != len(n.Results) {
			return // the results of a call
		}
		if zero := zeros[types[i]]; types[i] == "bool" {
			v.negate(e)
		} else if zero != "" && zero != v.of(e) {
			v.add(e, "mutant_zero["+types[i]+"](#, ", ")", v.of(n)+": "+v.of(e)+" becomes "+zero)
		}
	}
}

// in returns what ast.Inspect calls for the nodes of a function with these results.
func (v *visitor) in(results *ast.FieldList) (visit func(ast.Node) bool) {
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			ast.Inspect(n.Body, v.in(n.Type.Results))
			return false
		case *ast.GenDecl:
			return n.Tok == token.VAR
		case *ast.ArrayType:
			return false
		case *ast.CommClause:
			for _, s := range n.Body {
				ast.Inspect(s, visit)
			}
			return false
		case *ast.IfStmt:
			v.negate(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				v.negate(n.Cond)
				ast.Inspect(n.Cond, visit)
			}
			ast.Inspect(n.Body, visit)
			return false
		case *ast.BinaryExpr:
			v.binary(n)
		case *ast.SwitchStmt:
			v.cases(n.Tag, n.Body, false)
		case *ast.TypeSwitchStmt:
			ast.Inspect(n.Assign, func(a ast.Node) bool {
				if t, ok := a.(*ast.TypeAssertExpr); ok {
					v.cases(t.X, n.Body, true)
				}
				return true
			})
			ast.Inspect(n.Body, visit)
			return false
		case *ast.ExprStmt:
			v.add(n, "if mutant_ != # { ", " }", "no "+v.of(n))
		case *ast.IncDecStmt:
			by := map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok]
			v.add(n, "if mutant_ == # { "+v.of(n.X)+by+" } else { ", " }", v.of(n)+" becomes "+by)
		case *ast.ReturnStmt:
			v.returns(n, results)
		}
		return true
	}
	return visit
}
