package publish

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"branchline/pbx/channel"
	"branchline/pbx/presence"
)

// pidfType is the media type of presence documents (RFC 3863).
const pidfType = "application/pidf+xml"

// Bounds of what is read: a document in octets, its activities, and a note in
// characters.
const (
	maxDocument   = 16 << 10
	maxActivities = 16
	maxNote       = 200
)

// A document is what a presence document says of somebody.
type document struct {
	open       bool     // he can be reached
	activities []string // RFC 4480 3.2, as local names of elements
	note       string
}

// read reads a presence document: RFC 3863's, with the activities of RFC 4480.
func read(body []byte) (document, error) {
	var d document
	if len(body) > maxDocument {
		return d, errors.New("the document is too large")
	}
	var basic, note strings.Builder
	root, closed, open := "", false, false
	settle := func() { // what <basic> of one tuple has said
		switch strings.ToLower(strings.TrimSpace(basic.String())) {
		case "open":
			open = true
		case "closed":
			closed = true
		}
		basic.Reset()
	}
	err := walk(body, func(path []string) {
		name := path[len(path)-1]
		switch {
		case len(path) == 1:
			root = name
		case name == "basic":
			settle()
		case path[len(path)-2] == "activities" && name != "note" && len(d.activities) < maxActivities:
			d.activities = append(d.activities, strings.ToLower(name))
		case name == "note" && path[len(path)-2] != "activities" && note.Len() > 0:
			note.WriteByte('\n') // ends the first one
		}
	}, func(path []string, s string) {
		switch path[len(path)-1] {
		case "basic":
			basic.WriteString(s)
		case "note":
			if len(path) > 1 && path[len(path)-2] != "activities" {
				note.WriteString(s)
			}
		}
	})
	if err != nil {
		return d, err
	}
	if root != "presence" {
		return d, errors.New("the document is not about presence")
	}
	settle()
	d.open = open || !closed
	d.note = plain(note.String())
	return d, nil
}

// plain is the first line of a text, without what a console should not be shown.
func plain(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > maxNote {
		s = string(r[:maxNote])
	}
	return strings.TrimSpace(s)
}

// The activities that make a difference; telephones say the second list in words of
// their own, too.
var (
	calling = []string{"on-the-phone"}
	busy    = []string{"busy", "dnd", "do-not-disturb", "meeting", "appointment", "presentation", "performance"}
	gone    = []string{"vacation", "permanent-absence", "holiday"}
	away    = []string{"away", "meal", "breakfast", "lunch", "dinner", "sleeping", "in-transit", "travel", "shopping", "errand"}
)

// first is the first activity that is one of list; "" if there is none.
func (d document) first(list []string) string {
	for _, a := range d.activities {
		if slices.Contains(list, a) {
			return a
		}
	}
	return ""
}

// presence is what d means in the words of PRESENCE_STATE: the activity is the
// subtype, the note the message.
func (d document) presence() presence.State {
	s := presence.State{Value: "available", Message: d.note}
	for _, x := range []struct {
		word string
		list []string
	}{{"dnd", calling}, {"dnd", busy}, {"xa", gone}, {"away", away}} {
		if a := d.first(x.list); a != "" {
			s.Value, s.Subtype = x.word, a
			return s
		}
	}
	if !d.open {
		s.Value = "unavailable"
	}
	return s
}

// device is what d makes of the state of a device that is idle: who says that he is
// busy is shown as busy, who calls elsewhere as in use, who cannot be reached as
// unavailable. Who is away can still be called.
func (d document) device() channel.DeviceState {
	switch {
	case d.first(busy) != "":
		return channel.DeviceBusy
	case d.first(calling) != "":
		return channel.DeviceInUse
	case !d.open:
		return channel.DeviceUnavailable
	}
	return channel.DeviceNotInUse
}
