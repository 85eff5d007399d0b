package main

import (
	"fmt"
	"strings"
)

// The chart's measures, in pixels.
const (
	chartWidth = 860
	plotLeft   = 210
	plotRight  = 830
	rowHeight  = 26
	barHeight  = 9
	headHeight = 92
)

const chartStyle = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .wire { font-weight: 600 } .axis { fill: #57606a }
.page { fill: #ffffff } .grid { stroke: #d0d7de } .one { stroke: #24292f; stroke-width: 1.5 }
.noise { stroke: #57606a } .target { stroke: #cf222e; stroke-width: 2.5 } .client { fill: #0969da } .generated { fill: #8c959f }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .axis { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #3d444d } .one { stroke: #e6edf3 }
.noise { stroke: #b1bac4 } .target { stroke: #ff7b72 } .client { fill: #4493f8 } .generated { fill: #6e7681 }
}
</style>
`

// chart draws the time of each call in proportion to the one by hand, which is
// the line at 1, with half of the rounds as the noise and the limit to reach.
func (r *results) chart() string {
	height := headHeight + len(r.calls)*rowHeight + 3*rowHeight + 16
	lowest, highest := 0.9, 1.3
	for _, c := range r.calls {
		for _, s := range c.samples[:len(c.samples)-1] {
			of := s.ratio(c.floor(), wall)
			lowest, highest = min(lowest, of.low, of.median), max(highest, of.high, of.median)
		}
	}
	lowest, highest = max(lowest, 0.6), min(highest, 1.8)
	x := func(value float64) float64 {
		value = min(max(value, lowest), highest)
		return plotLeft + (value-lowest)/(highest-lowest)*(plotRight-plotLeft)
	}

	var b strings.Builder
	line := func(class string, x1, y1, x2, y2 float64) {
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
	}
	rect := func(class string, x, y, width, height float64) {
		fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`+"\n", class, x, y, width, height)
	}
	text := func(class, anchor string, x, y float64, format string, args ...any) {
		fmt.Fprintf(&b, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, anchor, x, y, fmt.Sprintf(format, args...))
	}

	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n",
		chartWidth, height, chartWidth, height)
	b.WriteString("<title>Time of a call in proportion to one written by hand</title>\n" + chartStyle)
	rect("page", 0, 0, chartWidth, float64(height))
	text("title", "start", 16, 28, "Time of a call, in proportion to one written by hand (shorter is better)")
	rect("client", 16, 44, 14, barHeight)
	text("", "start", 36, 53, "client")
	rect("generated", 92, 44, 14, barHeight)
	text("", "start", 112, 53, "the generated client alone")
	line("target", 290, 42, 290, 56)
	text("", "start", 298, 53, "to reach")
	line("noise", 366, 49, 386, 49)
	text("", "start", 392, 53, "half of the rounds")

	bottom := float64(height) - 12
	for tenth := 6; tenth <= 18; tenth++ {
		value := float64(tenth) / 10
		if value < lowest || value > highest {
			continue
		}
		line("grid", x(value), headHeight-8, x(value), bottom)
		text("axis", "middle", x(value), headHeight-14, "%.1f", value)
	}
	y, wire := float64(headHeight), ""
	for _, c := range r.calls {
		if c.wire != wire {
			wire = c.wire
			text("wire", "start", 16, y+15, "%s", wire)
			y += rowHeight
		}
		text("", "end", plotLeft-10, y+14, "%s, %s", callers(c.callers), c.operation)
		for i, class := range []string{"client", "generated"} {
			got := c.samples[i].ratio(c.floor(), wall)
			top := y + float64(i*(barHeight+1))
			rect(class, min(x(1), x(got.median)), top, max(1, max(x(1), x(got.median))-min(x(1), x(got.median))), barHeight)
			line("noise", x(got.low), top+barHeight/2, x(got.high), top+barHeight/2)
		}
		if limit := c.limit(); limit > 0 {
			line("target", x(limit), y-2, x(limit), y+2*barHeight+3)
		}
		y += rowHeight
	}
	line("one", x(1), headHeight-8, x(1), bottom)
	b.WriteString("</svg>\n")
	return b.String()
}

// limit is the largest time to reach, 0 for none.
func (c comparison) limit() float64 {
	switch {
	case c.wire == inMemory && c.callers == 1:
		return mostInMemory
	case c.wire == inMemory:
		return 0
	case c.callers == 1:
		return mostOnLoopback
	}
	return 1 / leastThroughput
}
