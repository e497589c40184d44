package text

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"branchline/pbx/dialplan/argument"
)

// maxWidth bounds the widths and precisions a format may ask for.
const maxWidth = 1024

// sprintf formats as C does: %d i u x X o c s e E f g G and %%, with flags,
// width and precision. An argument that does not fit its format gives nothing.
func sprintf(args string) (string, error) {
	parts := argument.Split(args, 0)
	format, values := parts[0], parts[1:]
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		from := i
		i++
		for i < len(format) && strings.IndexByte("-+ #0123456789.", format[i]) >= 0 {
			i++
		}
		for i < len(format) && strings.IndexByte("hlLqjzt", format[i]) >= 0 && i+1 < len(format) {
			i++ // lengths have no meaning here
		}
		if i == len(format) {
			return b.String(), fmt.Errorf("format %q breaks off", format[from:])
		}
		if format[i] == '%' {
			b.WriteByte('%')
			continue
		}
		spec := strings.TrimRight(format[from:i], "hlLqjzt")
		if tooWide(spec) {
			return b.String(), fmt.Errorf("format %q asks for more than %d columns", spec, maxWidth)
		}
		value := ""
		if len(values) > 0 {
			value, values = values[0], values[1:]
		}
		text, err := convert(spec, format[i], value)
		if err != nil {
			return b.String(), err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func tooWide(spec string) bool {
	for _, digits := range strings.FieldsFunc(spec, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(digits); err != nil || n > maxWidth {
			return true
		}
	}
	return false
}

func convert(spec string, verb byte, value string) (string, error) {
	if verb == 's' {
		return fmt.Sprintf(spec+"s", value), nil
	}
	value = strings.TrimSpace(value)
	switch verb {
	case 'd', 'i', 'u', 'x', 'X', 'o', 'c':
		n, err := strconv.ParseInt(value, 0, 64)
		if err != nil {
			return "", fmt.Errorf("%q is not a whole number", value)
		}
		switch verb {
		case 'c':
			return fmt.Sprintf(spec+"s", string([]byte{byte(n)})), nil
		case 'i':
			verb = 'd'
		case 'u':
			return fmt.Sprintf(spec+"d", uint64(n)), nil
		}
		return fmt.Sprintf(spec+string(verb), n), nil
	case 'e', 'E', 'f', 'F', 'g', 'G':
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return "", fmt.Errorf("%q is not a number", value)
		}
		if (verb == 'g' || verb == 'G') && !strings.Contains(spec, ".") {
			spec += ".6" // C's default; Go's is as many digits as it takes
		}
		return fmt.Sprintf(spec+string(verb), n), nil
	}
	return "", errors.New("does not know %" + string(verb))
}
