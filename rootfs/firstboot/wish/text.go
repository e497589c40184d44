package wish

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf16"
)

// plain is the text of a file as editors of this world leave it: with a byte order
// mark, in UTF-16, with any kind of line ends.
func plain(data []byte) string {
	text := string(data)
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		low, high := 0, 1
		if data[0] == 0xfe {
			low, high = 1, 0
		}
		var units []uint16
		for i := 2; i+1 < len(data); i += 2 {
			units = append(units, uint16(data[i+low])|uint16(data[i+high])<<8)
		}
		text = string(utf16.Decode(units))
	case bytes.HasPrefix(data, []byte("\ufeff")):
		text = text[3:]
	}
	text = strings.ToValidUTF8(text, "?")
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}

// split is a line's key, without what people put between words, and its value.
// Both are "" in a line that says nothing.
func split(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "//") {
		return "", "", true
	}
	at := strings.IndexAny(line, "=:")
	if at < 0 {
		return "", "", false
	}
	key = strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, line[:at])
	value = strings.TrimSpace(line[at+1:])
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	return key, value, key != ""
}

// secret reports whether a key's value must not stay on a card that lies around.
func secret(key string) bool {
	return strings.Contains(key, "password") || strings.Contains(key, "secret")
}

// Strip is branchline.txt without its secrets, as it is put back.
func Strip(data []byte) []byte {
	if len(data) > MaxFile {
		data = data[:MaxFile]
	}
	lines := strings.Split(plain(data), "\n")
	for i, line := range lines {
		if key, value, ok := split(line); ok && secret(key) && value != "" {
			lines[i] = line[:strings.IndexAny(line, "=:")+1] + " (taken)"
		}
	}
	return []byte(strings.Join(lines, "\r\n"))
}
