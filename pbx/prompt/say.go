package prompt

import (
	"strconv"
	"strings"
)

// Digits gives the prompts that read text digit by digit; characters that have
// none are left out.
func Digits(text string) []string {
	var out []string
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			out = append(out, "digits/"+string(r))
		case r == '*':
			out = append(out, "digits/star")
		case r == '#':
			out = append(out, "digits/pound")
		case r == '-':
			out = append(out, "digits/minus")
		}
	}
	return out
}

// letterNames are the prompts of characters that are not letters or digits.
var letterNames = map[rune]string{
	'!': "exclaimation-point", '@': "at", '$': "dollar", '/': "slash", '.': "dot",
	'=': "equals", '+': "plus", '-': "dash", '*': "asterisk", ' ': "space",
}

// Letters spells text.
func Letters(text string) []string { return spell(text, "letters/") }

// Phonetics spells text in the phonetic alphabet.
func Phonetics(text string) []string { return spell(text, "phonetic/") }

func spell(text, family string) []string {
	var out []string
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z':
			if family == "phonetic/" {
				out = append(out, family+string(r)+"_p")
			} else {
				out = append(out, family+string(r))
			}
		case r >= '0' && r <= '9':
			out = append(out, "digits/"+string(r))
		case r == '#':
			out = append(out, "digits/pound")
		default:
			if n, ok := letterNames[r]; ok {
				out = append(out, "letters/"+n)
			}
		}
	}
	return out
}

// Number gives the prompts that read n as an English cardinal.
func Number(n int64) []string {
	if n == 0 {
		return []string{"digits/0"}
	}
	var out []string
	if n < 0 {
		out = append(out, "digits/minus")
		n = -n
		if n < 0 { // the smallest int64 has no positive twin
			return out
		}
	}
	for _, unit := range [...]struct {
		size int64
		name string
	}{{1e9, "digits/billion"}, {1e6, "digits/million"}, {1e3, "digits/thousand"}} {
		if n >= unit.size {
			out = append(append(out, Number(n/unit.size)...), unit.name)
			n %= unit.size
		}
	}
	if n >= 100 {
		out = append(out, "digits/"+strconv.FormatInt(n/100, 10), "digits/hundred")
		n %= 100
	}
	if n > 20 && n%10 != 0 {
		out = append(out, "digits/"+strconv.FormatInt(n/10*10, 10))
		n %= 10
	}
	if n > 0 {
		out = append(out, "digits/"+strconv.FormatInt(n, 10))
	}
	return out
}

// Ordinal gives the prompt of a day of the month or another small ordinal, 1-31.
func Ordinal(n int) []string {
	switch {
	case n <= 20 || n == 30:
		return []string{"digits/h-" + strconv.Itoa(n)}
	case n < 40:
		return []string{"digits/" + strconv.Itoa(n/10*10), "digits/h-" + strconv.Itoa(n%10)}
	}
	return Number(int64(n))
}
