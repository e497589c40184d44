package call

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/fn/form"
)

func localPeek(c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 2)
	n, err := strconv.Atoi(strings.TrimSpace(a[0]))
	if err != nil || n < 0 {
		return "", errors.New("wants a number of levels and a name")
	}
	v, _ := c.LocalAt(n, a[1])
	return v, nil
}

func stackPeek(c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 3)
	n, err := strconv.Atoi(strings.TrimSpace(a[0]))
	if err != nil || n < 1 {
		return "", errors.New("wants a number of levels from 1")
	}
	f := c.FrameAt(n - 1)
	if f == nil {
		if !argument.Truth(a[2]) {
			return "", errors.New("the stack of Gosub is not that deep")
		}
		return "", nil
	}
	from := max(f.Priority-1, 1) // the Gosub itself; the frame holds the step after it
	switch strings.TrimSpace(a[1]) {
	case "c":
		return f.Context, nil
	case "e":
		return f.Exten, nil
	case "p":
		return strconv.Itoa(from), nil
	case "l", "":
		return fmt.Sprintf("%s,%s,%d", f.Context, f.Exten, from), nil
	}
	return "", fmt.Errorf("%q is none of c, e, p, l", a[1])
}

// dictionary is what HASH() keeps on a channel, newest key first.
type dictionary struct {
	keys   []string
	values map[string]string
}

type dictionaryKey struct{ name string }

// maxKeys bounds a dictionary.
const maxKeys = 4096

func hashOf(c *channel.Channel, name string) *dictionary {
	h, _ := c.Extra(dictionaryKey{name}).(*dictionary)
	return h
}

func readHash(c *channel.Channel, args string) (string, error) {
	name, key, hasKey := strings.Cut(args, ",")
	if name == "" {
		return "", errors.New("wants the name of a dictionary")
	}
	h := hashOf(c, name)
	if h == nil {
		return "", nil
	}
	if hasKey {
		return h.values[key], nil
	}
	var values []string
	for _, k := range h.keys {
		values = append(values, h.values[k])
	}
	return strings.Join(values, ","), nil
}

func writeHash(c *channel.Channel, args, value string) error {
	name, key, hasKey := strings.Cut(args, ",")
	if name == "" || !hasKey || key == "" {
		return errors.New("wants HASH(name,key)=value")
	}
	h := hashOf(c, name)
	if h == nil {
		h = &dictionary{values: map[string]string{}}
		c.SetExtra(dictionaryKey{name}, h)
	}
	if _, known := h.values[key]; !known {
		if len(h.keys) >= maxKeys {
			return fmt.Errorf("dictionary %s holds %d keys already", name, maxKeys)
		}
		h.keys = slices.Insert(h.keys, 0, key)
	}
	h.values[key] = value
	return nil
}

func hashKeys(c *channel.Channel, name string) (string, error) {
	if h := hashOf(c, name); h != nil {
		return strings.Join(h.keys, ","), nil
	}
	return "", nil
}

func exception(c *channel.Channel, item string) (string, error) {
	e := live.ExceptionOf(c)
	if e == nil {
		return "", nil
	}
	switch strings.ToLower(strings.TrimSpace(item)) {
	case "reason":
		return e.Reason, nil
	case "context":
		return e.Context, nil
	case "exten":
		return e.Exten, nil
	case "priority":
		return strconv.Itoa(e.Priority), nil
	}
	return "", fmt.Errorf("%q is none of reason, context, exten, priority", item)
}
