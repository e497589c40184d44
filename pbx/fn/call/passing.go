package call

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/fn/form"
)

// PJSIP_INHERITABLE_HEADER keeps headers with a channel for the legs that are
// dialled from it. On such a leg, before it is dialled, it works on the headers
// the leg was given.

func readPassing(c *channel.Channel, args string) (string, error) {
	if dialled(c) {
		return readHeader(c, args)
	}
	a := form.Arguments(args, 3)
	n, err := nth(a[2])
	if err != nil {
		return "", err
	}
	if i := find(c.Passing, strings.TrimSpace(a[1]), n); i >= 0 {
		return c.Passing[i].Value, nil
	}
	return "", nil
}

func writePassing(c *channel.Channel, args, value string) error {
	if dialled(c) {
		return writeHeader(c, args, value)
	}
	a := form.Arguments(args, 3)
	name := strings.TrimSpace(a[1])
	if name == "" || strings.ContainsAny(name, " \t\r\n:") {
		return fmt.Errorf("%q is not the name of a header", name)
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return errors.New("a header holds no line breaks")
	}
	n, err := nth(a[2])
	if err != nil {
		return err
	}
	list := slices.Clone(c.Passing) // legs may still hold the old one
	switch strings.TrimSpace(a[0]) {
	case "add":
		list = append(list, channel.Header{Name: name, Value: value})
	case "update":
		i := find(list, name, n)
		if i < 0 {
			return fmt.Errorf("there is no header %q to update", name)
		}
		list[i].Value = value
	case "remove":
		if strings.TrimSpace(a[2]) != "" {
			if i := find(list, name, n); i >= 0 {
				list = slices.Delete(list, i, i+1)
			}
			break
		}
		prefix, any := strings.CutSuffix(name, "*")
		list = slices.DeleteFunc(list, func(h channel.Header) bool {
			return strings.EqualFold(h.Name, name) || any && len(h.Name) >= len(prefix) && strings.EqualFold(h.Name[:len(prefix)], prefix)
		})
	default:
		return fmt.Errorf("%q is none of add, update, remove", a[0])
	}
	c.Passing = list
	return nil
}

// dialled reports a leg whose headers are to be sent by us.
func dialled(c *channel.Channel) bool {
	_, ok := c.Leg.(channel.Headers)
	return ok && !c.Inbound
}

func nth(text string) (int, error) {
	if text = strings.TrimSpace(text); text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number from 1", text)
	}
	return n, nil
}

// find is the index of the nth header of a name, or -1.
func find(list []channel.Header, name string, n int) int {
	for i, h := range list {
		if strings.EqualFold(h.Name, name) {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}
