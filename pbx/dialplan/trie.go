package dialplan

import "slices"

// A node is a place in the tree of all patterns of a context. Patterns that
// begin alike share nodes; children are kept in search order, so that walking
// the tree visits the matching patterns best first without looking at others.
type node struct {
	elements []element // of the children, singles first
	children []*node
	here     []*extension // patterns that end here, by caller
}

// insert adds an extension below n.
func (n *node) insert(rest []element, e *extension) {
	if len(rest) == 0 {
		n.here = append(n.here, e)
		slices.SortStableFunc(n.here, byCaller)
		return
	}
	i, found := slices.BinarySearchFunc(n.elements, rest[0], func(a, b element) int { return a.before(&b) })
	if !found {
		n.elements = slices.Insert(n.elements, i, rest[0])
		n.children = slices.Insert(n.children, i, &node{})
	}
	n.children[i].insert(rest[1:], e)
}

// find gives the extensions that stand exactly at these elements.
func (n *node) find(rest []element) []*extension {
	for ; len(rest) > 0; rest = rest[1:] {
		i, found := slices.BinarySearchFunc(n.elements, rest[0], func(a, b element) int { return a.before(&b) })
		if !found {
			return nil
		}
		n = n.children[i]
	}
	return n.here
}

// each visits what matches the number, best first, until visit returns true.
func (n *node) each(number string, kind matchKind, visit func(*extension, verdict) bool) bool {
	for i := range n.elements {
		e, child := &n.elements[i], n.children[i]
		switch {
		case e.end == some:
			if number == "" && kind == matchAll {
				continue
			}
			if child.all(yes, visit) {
				return true
			}
		case e.end == any0:
			v := yes
			if kind == matchMore {
				v = final
			}
			if child.all(v, visit) {
				return true
			}
		case number == "":
			if kind != matchAll && child.all(yes, visit) {
				return true
			}
		case e.has(number[0]):
			if child.each(number[1:], kind, visit) {
				return true
			}
		}
	}
	return number == "" && kind != matchMore && n.visitHere(yes, visit)
}

// all visits everything below n, whatever its elements are.
func (n *node) all(v verdict, visit func(*extension, verdict) bool) bool {
	for _, c := range n.children {
		if c.all(v, visit) {
			return true
		}
	}
	return n.visitHere(v, visit)
}

func (n *node) visitHere(v verdict, visit func(*extension, verdict) bool) bool {
	for _, e := range n.here {
		if visit(e, v) {
			return true
		}
	}
	return false
}

// walk visits all extensions in search order.
func (n *node) walk(visit func(*extension)) {
	for _, c := range n.children {
		c.walk(visit)
	}
	for _, e := range n.here {
		visit(e)
	}
}

// byCaller orders the variants of one extension: those with a caller-number
// match first, names before patterns.
func byCaller(a, b *extension) int {
	switch {
	case a.caller == nil && b.caller == nil:
		return 0
	case a.caller == nil:
		return 1
	case b.caller == nil:
		return -1
	case a.caller.text < b.caller.text:
		return -1
	case a.caller.text > b.caller.text:
		return 1
	}
	return 0
}
