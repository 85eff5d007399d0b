// Command bench reads the results of the benchmarks in this directory, which compare
// the cost of a call through package client with the same call written by hand and
// through other Go clients, and writes BENCHMARKS.md. make bench runs both.
package main

import (
	_ "embed"
	"fmt"
	"log"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

//go:embed benchmarks.md.tmpl
var page string

// results are the values of all runs, in order, by benchmark and unit, as in
// "Call/wire=memory/callers=1/way=client B/op".
type results map[string][]float64

func main() {
	r, about := results{}, map[string]string{}
	processors, label := regexp.MustCompile(`-\d+$`), strings.NewReplacer("memory/callers=", "in memory, ", "http1/callers=", "HTTP/1.1, ",
		"http1-pooled/callers=", "HTTP/1.1 with the same transport, ", "http2/callers=", "HTTP/2, ")
	in := benchfmt.NewReader(os.Stdin, "standard input")
	for in.Scan() {
		b, ok := in.Result().(*benchfmt.Result)
		if !ok {
			log.Fatal(in.Result())
		}
		name := processors.ReplaceAllString(string(b.Name), "")
		if strings.HasSuffix(b.GetConfig("toolchain"), "-X:jsonv2") {
			name = "jsonv2:" + name
		}
		for _, v := range b.Values {
			r[name+" "+v.Unit] = append(r[name+" "+v.Unit], v.Value)
		}
		for _, c := range b.Config {
			about[c.Key] = strings.TrimSuffix(string(c.Value), "-X:jsonv2")
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
	t := template.Must(template.New("").Funcs(template.FuncMap{
		"value": r.value, "ratio": r.ratio, "list": strings.Fields, "label": label.Replace,
	}).Parse(page))
	if err := t.Execute(os.Stdout, about); err != nil {
		log.Fatal(err)
	}
}

// value returns the median of a benchmark.
func (r results) value(unit, benchmark string) string {
	values := r[benchmark+" "+unit]
	switch v := median(values).Center; {
	case len(values) == 0:
		return ""
	case strings.HasSuffix(unit, "sec/op"):
		return benchunit.Scale(v, benchunit.Decimal) + "s"
	default:
		return fmt.Sprint(math.Round(v*10) / 10)
	}
}

// ratio returns the median of the ratios of two benchmarks in each run, and its
// confidence interval.
func (r results) ratio(unit, benchmark, base string) string {
	ratios := slices.Clone(r[benchmark+" "+unit])
	if len(ratios) == 0 {
		return ""
	}
	for i := range ratios {
		ratios[i] /= r[base+" "+unit][i]
	}
	s := median(ratios)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Center, s.Lo, s.Hi)
}

func median(values []float64) benchmath.Summary {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), 0.95)
}
