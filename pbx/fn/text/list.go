package text

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/fn/form"
)

// listFunctions work on texts that hold several fields, most of them in a
// variable whose name they are given.
func (d variables) listFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "CUT", Synopsis: "Fields of a variable", Syntax: "CUT(variable,delimiter,fields)", Read: d.cut},
		{Name: "FIELDQTY", Synopsis: "How many fields a variable has", Syntax: "FIELDQTY(variable,delimiter)", Read: d.fieldCount},
		{Name: "FIELDNUM", Synopsis: "Which field of a variable holds a value", Syntax: "FIELDNUM(variable,delimiter,value)", Read: d.fieldNumber},
		{Name: "LISTFILTER", Synopsis: "A list without one item", Syntax: "LISTFILTER(variable,delimiter,item)", Read: d.listFilter},
		{Name: "REPLACE", Synopsis: "A variable with characters replaced", Syntax: "REPLACE(variable,characters[,replacement])", Read: d.replace},
		{Name: "STRREPLACE", Synopsis: "A variable with a text replaced", Syntax: "STRREPLACE(variable,text[,replacement[,most]])", Read: d.replaceText},
		{Name: "SHIFT", Synopsis: "Takes the first item off a list", Syntax: "SHIFT(variable[,delimiter])", Read: d.takeOff(true)},
		{Name: "POP", Synopsis: "Takes the last item off a list", Syntax: "POP(variable[,delimiter])", Read: d.takeOff(false)},
		{Name: "PUSH", Synopsis: "Appends items to a list", Syntax: "PUSH(variable[,delimiter])=items", Write: d.putOn(false)},
		{Name: "UNSHIFT", Synopsis: "Puts items before a list", Syntax: "UNSHIFT(variable[,delimiter])=items", Write: d.putOn(true)},
		{Name: "ARRAY", Synopsis: "Sets several variables", Syntax: "ARRAY(variable[,...])=value[,...]", Write: d.array},
		{Name: "SORT", Synopsis: "Keys in the order of their values", Syntax: "SORT(key:value[,...])", Read: form.OfText(sortKeys)},
	}
}

// separator reads a delimiter argument: one character, possibly escaped, or
// whatever stands between commas.
func separator(s, otherwise string) string {
	switch s {
	case "":
		return otherwise
	case `\n`:
		return "\n"
	case `\t`:
		return "\t"
	case `\r`:
		return "\r"
	}
	if len(s) > 1 && s[0] == '\\' {
		return s[1:2]
	}
	return s
}

// named splits `variable,delimiter,rest`. The delimiter may itself be a comma,
// plain or escaped.
func named(args string) (name, delimiter, rest string) {
	name, args, _ = strings.Cut(args, ",")
	name = strings.Trim(name, `" `)
	if strings.HasPrefix(args, `\`) && len(args) > 1 {
		delimiter, args = args[:2], args[2:]
		rest = strings.TrimPrefix(args, ",")
		return name, delimiter, rest
	}
	if args == "," {
		return name, ",", ""
	}
	delimiter, rest, _ = strings.Cut(args, ",")
	return name, strings.Trim(delimiter, `"`), rest
}

// maxFields bounds the field numbers a specification may name.
const maxFields = 1 << 16

func (d variables) cut(ctx context.Context, c *channel.Channel, args string) (string, error) {
	name, delimiter, spec := named(args)
	if spec == "" {
		return "", errors.New("wants a variable, a delimiter and field numbers")
	}
	sep := separator(delimiter, "-")[:1]
	fields := strings.Split(form.Value(ctx, d.System, c, name), sep)
	var out []string
	for _, part := range strings.Split(spec, "&") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.Atoi(first)
		if first == "" {
			from, err = 1, nil
		}
		to, err2 := from, error(nil)
		if isRange {
			if to, err2 = strconv.Atoi(last); last == "" {
				to, err2 = maxFields, nil
			}
		}
		if err != nil || err2 != nil {
			return "", fmt.Errorf("%q is not a field or a range of fields", part)
		}
		for i := max(from, 1); i <= min(to, len(fields)); i++ {
			out = append(out, fields[i-1])
		}
	}
	return strings.Join(out, sep), nil
}

func (d variables) fieldCount(ctx context.Context, c *channel.Channel, args string) (string, error) {
	name, delimiter, _ := named(args)
	v := form.Value(ctx, d.System, c, name)
	sep := separator(delimiter, "")
	switch {
	case v == "":
		return "0", nil
	case sep == "":
		return "1", nil
	}
	return strconv.Itoa(strings.Count(v, sep) + 1), nil
}

func (d variables) fieldNumber(ctx context.Context, c *channel.Channel, args string) (string, error) {
	name, delimiter, wanted := named(args)
	sep := separator(delimiter, "")
	if sep == "" {
		return "", errors.New("wants a variable, a delimiter and a value")
	}
	return strconv.Itoa(slices.Index(strings.Split(form.Value(ctx, d.System, c, name), sep), wanted) + 1), nil
}

func (d variables) listFilter(ctx context.Context, c *channel.Channel, args string) (string, error) {
	name, delimiter, unwanted := named(args)
	sep := separator(delimiter, ",")
	items := strings.Split(form.Value(ctx, d.System, c, name), sep)
	items = slices.DeleteFunc(items, func(s string) bool { return s == unwanted })
	return strings.Join(items, sep), nil
}

func (d variables) replace(ctx context.Context, c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 3)
	set := charset(strings.ReplaceAll(a[1], "-", `\-`)) // no ranges here
	if a[0] == "" || a[1] == "" {
		return "", errors.New("wants a variable and the characters to replace")
	}
	with := a[2][:min(len(a[2]), 1)]
	var b strings.Builder
	v := form.Value(ctx, d.System, c, a[0])
	for i := range len(v) {
		if set[v[i]] {
			b.WriteString(with)
		} else {
			b.WriteByte(v[i])
		}
	}
	return b.String(), nil
}

func (d variables) replaceText(ctx context.Context, c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 4)
	if a[0] == "" || a[1] == "" {
		return "", errors.New("wants a variable and the text to replace")
	}
	most := -1
	if n, err := strconv.Atoi(strings.TrimSpace(a[3])); err == nil && n > 0 {
		most = n
	}
	v := form.Value(ctx, d.System, c, a[0])
	if grown := strings.Count(v, a[1]) * len(a[2]); grown > 1<<20 {
		return "", errors.New("result would be larger than a megabyte")
	}
	return strings.Replace(v, a[1], a[2], most), nil
}

// takeOff makes SHIFT (front) and POP.
func (d variables) takeOff(front bool) form.Read {
	return func(ctx context.Context, c *channel.Channel, args string) (string, error) {
		name, delimiter, _ := named(args)
		v, sep := form.Value(ctx, d.System, c, name), separator(delimiter, ",")
		if v == "" {
			return "", nil
		}
		item, rest := v, ""
		if front {
			item, rest, _ = strings.Cut(v, sep)
		} else if i := strings.LastIndex(v, sep); i >= 0 {
			item, rest = v[i+len(sep):], v[:i]
		}
		return item, d.System.Assign(ctx, c, name, rest)
	}
}

// putOn makes PUSH and UNSHIFT (front).
func (d variables) putOn(front bool) form.Write {
	return func(ctx context.Context, c *channel.Channel, args, value string) error {
		name, delimiter, _ := named(args)
		sep := separator(delimiter, ",")
		items := argument.Split(value, 0)
		if v := form.Value(ctx, d.System, c, name); v != "" {
			if front {
				items = append(items, v)
			} else {
				items = append([]string{v}, items...)
			}
		}
		return d.System.Assign(ctx, c, name, strings.Join(items, sep))
	}
}

func (d variables) array(ctx context.Context, c *channel.Channel, args, value string) error {
	names := argument.Split(args, 0)
	values := argument.Split(value, 0)
	for i, name := range names {
		v := ""
		if i < len(values) {
			v = values[i]
		}
		if err := d.System.Assign(ctx, c, strings.TrimSpace(name), v); err != nil {
			return err
		}
	}
	return nil
}

func sortKeys(args string) (string, error) {
	type pair struct {
		key   string
		value float64
	}
	var pairs []pair
	for _, p := range argument.Split(args, 0) {
		key, text, found := strings.Cut(p, ":")
		if !found {
			continue
		}
		v, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
		pairs = append(pairs, pair{key, v})
	}
	order := func(a, b pair) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	}
	sort.SliceStable(pairs, func(i, j int) bool { return order(pairs[i], pairs[j]) < 0 })
	keys := make([]string, len(pairs))
	for i, p := range pairs {
		keys[i] = p.key
	}
	return strings.Join(keys, ","), nil
}
