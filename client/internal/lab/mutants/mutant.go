package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
)

// mutant is a file with one change.
type mutant struct {
	file string
	line int
	what string
	text []byte
}

// mutantsOf lists the mutants of a file; tests and generated code have none.
func mutantsOf(file string) ([]mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, text, parser.ParseComments)
	if err != nil || ast.IsGenerated(parsed) || strings.HasSuffix(file, "_test.go") {
		return nil, err
	}
	v := &visitor{file: file, text: text, fset: fset, seen: map[string]bool{}}
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			ast.Inspect(f.Body, v.in(f.Type.Results))
		}
	}
	return v.list, nil
}

type visitor struct {
	file string
	text []byte
	fset *token.FileSet
	list []mutant
	seen map[string]bool
}

func (v *visitor) source(from, to token.Pos) string {
	return string(v.text[v.fset.Position(from).Offset:v.fset.Position(to).Offset])
}

func (v *visitor) of(n ast.Node) string { return v.source(n.Pos(), n.End()) }

// replace adds a mutant, whose code has with in place of what stands from one position to
// another.
func (v *visitor) replace(from, to token.Pos, with string) {
	start, end := v.fset.Position(from), v.fset.Position(to)
	what := strings.Join(strings.Fields(fmt.Sprintf("%s becomes %s", v.source(from, to), with)), " ")
	if key := fmt.Sprint(start.Offset, what); !v.seen[key] {
		v.seen[key] = true
		v.list = append(v.list, mutant{v.file, start.Line, what, slices.Concat(v.text[:start.Offset], []byte(with), v.text[end.Offset:])})
	}
}

func (v *visitor) wrap(n ast.Node, before, after string) {
	v.replace(n.Pos(), n.End(), before+v.of(n)+after)
}

func (v *visitor) negate(e ast.Expr) { v.wrap(ast.Unparen(e), "!(", ")") }

var operators = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*",
}

// binary breaks a comparison, an operand of && or ||, or an arithmetic operation.
func (v *visitor) binary(n *ast.BinaryExpr) {
	switch n.Op {
	case token.LAND, token.LOR:
		constant := map[token.Token]string{token.LAND: "(true || ", token.LOR: "(false && "}[n.Op]
		v.wrap(n.X, constant, ")")
		v.wrap(n.Y, constant, ")")
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
		v.negate(n)
	}
	if by := operators[n.Op]; by != "" {
		v.replace(n.Pos(), n.End(), v.of(n.X)+" "+by+" "+v.of(n.Y))
	}
}

// cases leaves out the cases of a switch, one at a time, and negates conditions.
func (v *visitor) cases(body *ast.BlockStmt, conditions bool) {
	for _, s := range body.List {
		clause := s.(*ast.CaseClause)
		for i, e := range clause.List {
			if conditions {
				v.negate(e)
			}
			switch {
			case len(clause.List) == 1:
				v.replace(clause.Pos(), clause.End(), "")
			case i == 0:
				v.replace(e.Pos(), clause.List[1].Pos(), "")
			default:
				v.replace(clause.List[i-1].End(), e.End(), "")
			}
		}
	}
}

var zeroed = regexp.MustCompile(`^(error|string|int|int64|time\.Duration)$`)

// returns breaks what a function with these results returns.
func (v *visitor) returns(n *ast.ReturnStmt, results *ast.FieldList) {
	var types []string
	if results != nil {
		for _, f := range results.List {
			types = append(types, slices.Repeat([]string{v.of(f.Type)}, max(1, len(f.Names)))...)
		}
	}
	if len(types) != len(n.Results) {
		return // the results of a call, or the named ones
	}
	for i, e := range n.Results {
		is := types[i]
		if zero := slices.Contains([]string{"nil", "0", `""`}, v.of(e)); is == "bool" {
			v.negate(e)
		} else if !zero && zeroed.MatchString(is) {
			v.wrap(e, fmt.Sprintf("func(%s) (zero %s) { return }(", is, is), ")")
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
			}
		case *ast.BinaryExpr:
			v.binary(n)
		case *ast.SwitchStmt:
			v.cases(n.Body, n.Tag == nil)
		case *ast.TypeSwitchStmt:
			v.cases(n.Body, false)
		case *ast.ExprStmt:
			v.wrap(n, "if false { ", " }")
		case *ast.IncDecStmt:
			v.replace(n.TokPos, n.End(), map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok])
		case *ast.ReturnStmt:
			v.returns(n, results)
		}
		return true
	}
	return visit
}
