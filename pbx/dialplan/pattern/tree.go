package pattern

import "slices"

// A Tree holds what belongs to each of many patterns; the zero Tree is empty.
// Patterns that begin alike share nodes; children are kept in search order, so
// that walking the tree visits the matching patterns best first without looking
// at others.
type Tree[T any] struct {
	elements []element // of the children, singles first
	children []*Tree[T]
	here     []T // of patterns that end here, in Insert's order
}

// Insert adds what belongs to a pattern; order sorts what belongs to one.
func (n *Tree[T]) Insert(rest Pattern, v T, order func(a, b T) int) {
	if len(rest) == 0 {
		n.here = append(n.here, v)
		slices.SortStableFunc(n.here, order)
		return
	}
	i, found := slices.BinarySearchFunc(n.elements, rest[0], func(a, b element) int { return a.before(&b) })
	if !found {
		n.elements = slices.Insert(n.elements, i, rest[0])
		n.children = slices.Insert(n.children, i, &Tree[T]{})
	}
	n.children[i].Insert(rest[1:], v, order)
}

// Find gives what belongs to exactly this pattern, in whatever spelling.
func (n *Tree[T]) Find(rest Pattern) []T {
	for ; len(rest) > 0; rest = rest[1:] {
		i, found := slices.BinarySearchFunc(n.elements, rest[0], func(a, b element) int { return a.before(&b) })
		if !found {
			return nil
		}
		n = n.children[i]
	}
	return n.here
}

// Each visits what matches the number, best first, until visit returns true.
func (n *Tree[T]) Each(number string, kind Kind, visit func(T, Verdict) bool) bool {
	for i := range n.elements {
		e, child := &n.elements[i], n.children[i]
		switch {
		case e.end == some:
			if number == "" && kind == All {
				continue
			}
			if child.all(Yes, visit) {
				return true
			}
		case e.end == any0:
			v := Yes
			if kind == More {
				v = Final
			}
			if child.all(v, visit) {
				return true
			}
		case number == "":
			if kind != All && child.all(Yes, visit) {
				return true
			}
		case e.has(number[0]):
			if child.Each(number[1:], kind, visit) {
				return true
			}
		}
	}
	return number == "" && kind != More && n.visitHere(Yes, visit)
}

// all visits everything below n, whatever its elements are.
func (n *Tree[T]) all(v Verdict, visit func(T, Verdict) bool) bool {
	for _, c := range n.children {
		if c.all(v, visit) {
			return true
		}
	}
	return n.visitHere(v, visit)
}

func (n *Tree[T]) visitHere(v Verdict, visit func(T, Verdict) bool) bool {
	for _, here := range n.here {
		if visit(here, v) {
			return true
		}
	}
	return false
}

// Walk visits everything in search order.
func (n *Tree[T]) Walk(visit func(T)) {
	for _, c := range n.children {
		c.Walk(visit)
	}
	for _, v := range n.here {
		visit(v)
	}
}
