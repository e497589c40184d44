// Package expr evaluates what stands in $[...] of a dialplan: arithmetic,
// comparison, choice and regular expressions on texts, with the precedence and
// the results of Asterisk. It knows no variables: they are filled in before.
package expr

import (
	"fmt"
	"math/big"
	"strings"
)

// maxText bounds what ~~ can build, in bytes.
const maxText = 64 << 10

// maxNesting bounds parentheses and chains of signs in an expression.
const maxNesting = 200

// A Reader evaluates a dialplan function inside an expression; ok is false if
// there is none of that name.
type Reader func(name, args string) (value string, ok bool)

// Eval evaluates the inside of $[...]; variables are already filled in.
// What is wrong is told in problem, and the result is what Asterisk then gives:
// nothing if no expression begins, 0 if it breaks off, and the value before
// the point where a second one follows the first. functions may be nil.
func Eval(s string, functions Reader) (result, problem string) {
	p := &parser{tokens: lex(s), functions: functions}
	if len(p.tokens) == 0 {
		return "", ""
	}
	if !p.begins() {
		return "", fmt.Sprintf("expression cannot begin with %q; the result is empty", p.peek())
	}
	v := p.ternary(0)
	switch {
	case p.broken != "":
		return "0", p.broken
	case p.at < len(p.tokens):
		return v.text(), fmt.Sprintf("expression goes on with %q after its end; the rest is ignored", p.peek())
	}
	return v.text(), p.problem
}

// A value is a word of the expression as it stands, or a computed number.
type value struct {
	word   string
	number *big.Float // nil: word counts
}

func (v value) text() string {
	if v.number != nil {
		return formatNumber(v.number)
	}
	return v.word
}

// asNumber gives the number a value looks like; quoted ones do not.
func (v value) asNumber() (*big.Float, bool) {
	if v.number != nil {
		return v.number, true
	}
	return parseNumber(v.word)
}

// bare gives a value's text without its quotation marks.
func (v value) bare() string {
	s := v.text()
	if v.number == nil && len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// null reports emptiness as | and & see it: no text, or the number 0.
func (v value) null() bool {
	if n, ok := v.asNumber(); ok {
		return n.Sign() == 0
	}
	return v.word == ""
}

// parser evaluates while it descends. Precedence, weak to strong:
// ? ::   |   &   = != < > <= >=   + -   * / %   ! and sign   : =~ ~~
type parser struct {
	tokens    []token
	at        int
	functions Reader
	broken    string // syntax error
	problem   string // first of the lesser troubles
}

func (p *parser) next() token {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return token{}
}

func (p *parser) peek() string { return p.next().text }

// take consumes the next token if it is one of these operators.
func (p *parser) take(ops ...string) string {
	t := p.next()
	if t.kind != operator {
		return ""
	}
	for _, op := range ops {
		if t.text == op {
			p.at++
			return op
		}
	}
	return ""
}

// begins reports whether an expression can start here.
func (p *parser) begins() bool {
	t := p.next()
	return t.kind == word || t.kind == operator && (t.text == "-" || t.text == "!" || t.text == "(")
}

func (p *parser) breakOff() value {
	if p.broken == "" {
		if p.at < len(p.tokens) {
			p.broken = fmt.Sprintf("expression is broken at %q; the result is 0", p.peek())
		} else {
			p.broken = "expression breaks off; the result is 0"
		}
	}
	return value{word: "0"}
}

func (p *parser) complain(problem string) {
	if p.problem == "" {
		p.problem = problem
	}
}

func boolean(b bool) value {
	if b {
		return value{word: "1"}
	}
	return value{word: "0"}
}

func (p *parser) ternary(depth int) value {
	if depth > maxNesting {
		p.broken = "expression is nested too deeply; the result is 0"
		return value{word: "0"}
	}
	v := p.or(depth)
	for p.broken == "" && p.take("?") != "" {
		yes := p.or(depth)
		if p.broken != "" || p.take("::") == "" {
			return p.breakOff()
		}
		no := p.or(depth)
		if v.null() || v.text() == `""` {
			v = no
		} else {
			v = yes
		}
	}
	return v
}

func (p *parser) or(depth int) value {
	v := p.and(depth)
	for p.broken == "" && p.take("|", "||") != "" {
		if w := p.and(depth); v.null() {
			v = w
		}
	}
	return v
}

func (p *parser) and(depth int) value {
	v := p.comparison(depth)
	for p.broken == "" && p.take("&", "&&") != "" {
		if w := p.comparison(depth); v.null() || w.null() {
			v = value{word: "0"}
		}
	}
	return v
}

func (p *parser) comparison(depth int) value {
	v := p.sum(depth)
	for p.broken == "" {
		op := p.take("=", "==", "!=", "<", ">", "<=", ">=")
		if op == "" {
			break
		}
		order := compare(v, p.sum(depth))
		switch op {
		case "=", "==":
			v = boolean(order == 0)
		case "!=":
			v = boolean(order != 0)
		case "<":
			v = boolean(order < 0)
		case ">":
			v = boolean(order > 0)
		case "<=":
			v = boolean(order <= 0)
		case ">=":
			v = boolean(order >= 0)
		}
	}
	return v
}

// compare is numeric if both sides look like numbers, else by text, quotation
// marks included.
func compare(a, b value) int {
	x, ok := a.asNumber()
	y, ok2 := b.asNumber()
	if ok && ok2 {
		return x.Cmp(y)
	}
	return strings.Compare(a.text(), b.text())
}

func (p *parser) sum(depth int) value {
	v := p.product(depth)
	for p.broken == "" {
		op := p.take("+", "-")
		if op == "" {
			break
		}
		v = p.arithmetic(op, v, p.product(depth))
	}
	return v
}

func (p *parser) product(depth int) value {
	v := p.sign(depth)
	for p.broken == "" {
		op := p.take("*", "/", "%")
		if op == "" {
			break
		}
		v = p.arithmetic(op, v, p.sign(depth))
	}
	return v
}

// operand gives a number to compute with; what is none counts as 0.
func (p *parser) operand(v value) *big.Float {
	n, ok := v.asNumber()
	if !ok {
		p.complain(fmt.Sprintf("%q is not a number and counts as 0", clip(v.text())))
		return newNumber()
	}
	return n
}

func (p *parser) arithmetic(op string, a, b value) value {
	x, y := p.operand(a), p.operand(b)
	r := newNumber()
	switch op {
	case "+":
		r.Add(x, y)
	case "-":
		r.Sub(x, y)
	case "*":
		r.Mul(x, y)
	case "/":
		if _, ok := a.asNumber(); !ok {
			return value{number: x} // 0, whatever the divisor
		}
		if y.Sign() == 0 {
			p.complain("division by zero; the result is 2147483647")
			return value{number: r.SetInt64(1<<31 - 1)}
		}
		r.Quo(x, y)
	case "%":
		if y.Sign() == 0 {
			p.complain("remainder of a division by zero; the result is 0")
			return value{number: r}
		}
		r = remainder(x, y)
	}
	if r.MantExp(nil) > maxExponent {
		p.complain("result is too large and counts as 0")
		r = newNumber()
	}
	return value{number: r}
}

// sign evaluates ! and - before an operand.
func (p *parser) sign(depth int) value {
	if depth > maxNesting {
		p.broken = "expression is nested too deeply; the result is 0"
		return value{word: "0"}
	}
	switch p.take("!", "-") {
	case "!":
		v := p.sign(depth + 1)
		n, ok := v.asNumber()
		return boolean(!ok || n.Sign() == 0)
	case "-":
		v := p.sign(depth + 1)
		n := p.operand(v)
		if _, ok := v.asNumber(); !ok {
			return value{number: n} // 0, not -0
		}
		return value{number: newNumber().Neg(n)}
	}
	return p.match(depth)
}

// match evaluates the operators on texts.
func (p *parser) match(depth int) value {
	v := p.primary(depth)
	for p.broken == "" {
		op := p.take(":", "=~", "~~")
		if op == "" {
			break
		}
		var w value
		if t := p.next(); t.kind == operator && (t.text == "-" || t.text == "!") {
			w = p.sign(depth + 1)
		} else {
			w = p.primary(depth)
		}
		if p.broken != "" {
			break
		}
		if op == "~~" {
			if len(v.text())+len(w.text()) <= maxText {
				v = value{word: v.bare() + w.bare()}
			}
			continue
		}
		result, err := regexMatch(v.bare(), w.bare(), op == ":")
		if err != nil {
			p.complain(err.Error())
		}
		v = value{word: result}
	}
	return v
}

func (p *parser) primary(depth int) value {
	t := p.next()
	switch {
	case t.kind == word && t.call:
		p.at++
		return p.call(t.text, depth)
	case t.kind == word:
		p.at++
		return value{word: t.text}
	case p.take("(") != "":
		v := p.ternary(depth + 1)
		if p.broken != "" || p.take(")") == "" {
			return p.breakOff()
		}
		return v
	}
	return p.breakOff()
}

// call evaluates NAME(expression, ...): a few mathematical functions, and
// whatever dialplan function bears that name.
func (p *parser) call(name string, depth int) value {
	p.take("(")
	var args []value
	for p.take(")") == "" {
		if len(args) > 0 && p.take(",") == "" || p.at >= len(p.tokens) {
			return p.breakOff()
		}
		args = append(args, p.ternary(depth+1))
		if p.broken != "" {
			return value{word: "0"}
		}
	}
	if v, ok := p.mathematics(name, args); ok {
		return v
	}
	if p.functions != nil && name == strings.ToUpper(name) {
		texts := make([]string, len(args))
		for i, a := range args {
			texts[i] = a.text()
		}
		if v, ok := p.functions(name, strings.Join(texts, ",")); ok {
			if v == "" {
				v = "0"
			}
			return value{word: v}
		}
	}
	p.complain(fmt.Sprintf("%s is not a function; it counts as 0", clip(name)))
	return value{word: "0"}
}

// clip shortens text for a message.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
