package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// report collects the figures of both exchanges under one name each.
type report struct {
	order []string
	rows  map[string]row
}

type row struct{ own, beside, aim string }

// add notes a figure of the exchange of that name; aim may be empty when it was given before.
func (r *report) add(kind, figure, value, aim string) {
	if r.rows == nil {
		r.rows = map[string]row{}
	}
	if !slices.Contains(r.order, figure) {
		r.order = append(r.order, figure)
	}
	line := r.rows[figure]
	if kind == "branchline" {
		line.own = value
	} else {
		line.beside = kind + " " + value
	}
	if kind != "branchline" && r.rows[figure].beside != "" {
		line.beside = r.rows[figure].beside + ", " + line.beside
	}
	if aim != "" {
		line.aim = aim
	}
	r.rows[figure] = line
}

func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "figure\tBranchline\taim\tbeside")
	for _, name := range r.order {
		line := r.rows[name]
		if line.beside == "" {
			line.beside = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", name, line.own, line.aim, line.beside)
	}
	t.Flush()
}
