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
	what string // describes the change
	text []byte // of the changed file
}

// mutantsOf returns the mutants of a file. Tests and generated code have none.
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
			ast.Inspect(f.Body, v.visitFunc(f.Type.Results))
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

func (v *visitor) sourceOf(n ast.Node) string { return v.source(n.Pos(), n.End()) }

// replace adds a mutant in which with replaces the code between two positions.
func (v *visitor) replace(from, to token.Pos, with string) {
	start, end := v.fset.Position(from), v.fset.Position(to)
	what := strings.Join(strings.Fields(fmt.Sprintf("%s becomes %s", v.source(from, to), with)), " ")
	if key := fmt.Sprint(start.Offset, what); !v.seen[key] {
		v.seen[key] = true
		v.list = append(v.list, mutant{v.file, start.Line, what, slices.Concat(v.text[:start.Offset], []byte(with), v.text[end.Offset:])})
	}
}

func (v *visitor) wrap(n ast.Node, before, after string) {
	v.replace(n.Pos(), n.End(), before+v.sourceOf(n)+after)
}

func (v *visitor) negate(e ast.Expr) { v.wrap(ast.Unparen(e), "!(", ")") }

var operators = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*",
}

// binary mutates a comparison, the operands of && and ||, or an arithmetic operation.
func (v *visitor) binary(n *ast.BinaryExpr) {
	switch n.Op {
	case token.LAND, token.LOR:
		constant := map[token.Token]string{token.LAND: "(true || ", token.LOR: "(false && "}[n.Op]
		v.wrap(n.X, constant, ")")
		v.wrap(n.Y, constant, ")")
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
		v.negate(n)
	}
	if op := operators[n.Op]; op != "" {
		v.replace(n.Pos(), n.End(), v.sourceOf(n.X)+" "+op+" "+v.sourceOf(n.Y))
	}
}

// cases removes each case of a switch, and negates it if the cases are conditions.
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

// zeroed matches the types of results that are replaced by their zero value.
var zeroed = regexp.MustCompile(`^(error|string|int|int64|time\.Duration)$`)

// returns mutates a return statement of a function with these results.
func (v *visitor) returns(n *ast.ReturnStmt, results *ast.FieldList) {
	var types []string
	if results != nil {
		for _, f := range results.List {
			types = append(types, slices.Repeat([]string{v.sourceOf(f.Type)}, max(1, len(f.Names)))...)
		}
	}
	if len(types) != len(n.Results) {
		return // a bare return, or the results of one call
	}
	for i, e := range n.Results {
		typ := types[i]
		if zero := slices.Contains([]string{"nil", "0", `""`}, v.sourceOf(e)); typ == "bool" {
			v.negate(e)
		} else if !zero && zeroed.MatchString(typ) {
			v.wrap(e, fmt.Sprintf("func(%s) (zero %s) { return }(", typ, typ), ")")
		}
	}
}

// visitFunc returns the visit function for the body of a function with these results.
func (v *visitor) visitFunc(results *ast.FieldList) (visit func(ast.Node) bool) {
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			ast.Inspect(n.Body, v.visitFunc(n.Type.Results))
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
