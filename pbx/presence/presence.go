// Package presence knows what people say of themselves, beside what their devices do:
// away, do not disturb, out to lunch. Custom: presences are set by the dialplan and the
// console and outlive a restart; those of endpoints are what their telephones publish
// (package publish of pbx/sip).
package presence

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"branchline/pbx/astdb"
)

// family is where states set with Set(PRESENCE_STATE(CustomPresence:x)=...) are kept,
// under Asterisk's name and in its form: state,subtype,message,options.
const family = "CustomPresence"

// prefix is what entities that can be set begin with.
const prefix = family + ":"

// maxText bounds what is kept of a state, in octets.
const maxText = 1024

// words are the states there are.
var words = []string{"not_set", "unavailable", "available", "away", "xa", "chat", "dnd"}

// A State is what is known of somebody.
type State struct {
	Value            string // "not_set", "unavailable", "available", "away", "xa", "chat" or "dnd"
	Subtype, Message string // in words of their own; may be ""
	Encoded          bool   // Subtype and Message are base64
}

// NotSet is the state of those who have said nothing.
var NotSet = State{Value: "not_set"}

// States knows the states of everybody.
type States struct {
	Store *astdb.DB
	// Published is what an endpoint ("PJSIP/1001") publishes of itself, NotSet if
	// nothing; nil: nobody publishes.
	Published func(entity string) State
}

// Of is the state of an entity: "CustomPresence:x", or the name of an endpoint's
// device.
func (s *States) Of(entity string) State {
	entity = strings.TrimSpace(entity)
	if name, ok := custom(entity); ok {
		text, _ := s.Store.Get(family, name)
		state, err := parse(text)
		if err != nil {
			return NotSet
		}
		return state
	}
	if s.Published != nil {
		return s.Published(entity)
	}
	return NotSet
}

// Set sets a CustomPresence: entity to what text says: state[,subtype[,message[,options]]],
// with option e if subtype and message are base64.
func (s *States) Set(entity, text string) error {
	name, ok := custom(strings.TrimSpace(entity))
	if !ok {
		return errors.New("only CustomPresence: entities can be set")
	}
	if name == "" {
		return errors.New("wants CustomPresence:name")
	}
	if _, err := parse(text); err != nil {
		return err
	}
	if err := s.Store.Put(family, name, text); err != nil {
		return fmt.Errorf("presence of %s: %w", name, err)
	}
	return nil
}

// custom is the name of a CustomPresence: entity.
func custom(entity string) (name string, ok bool) {
	if len(entity) < len(prefix) || !strings.EqualFold(entity[:len(prefix)], prefix) {
		return "", false
	}
	return entity[len(prefix):], true
}

func parse(text string) (State, error) {
	if len(text) > maxText {
		return State{}, fmt.Errorf("is longer than %d characters", maxText)
	}
	f := append(strings.SplitN(text, ",", 4), "", "", "")
	s := State{Value: strings.ToLower(strings.TrimSpace(f[0])), Subtype: f[1], Message: f[2], Encoded: strings.Contains(f[3], "e")}
	if !slices.Contains(words, s.Value) {
		return State{}, fmt.Errorf("no state is called %q; they are %s", f[0], strings.Join(words, ", "))
	}
	if _, err := s.decoded(); err != nil {
		return State{}, err
	}
	return s, nil
}

// decoded is s with plain texts.
func (s State) decoded() (State, error) {
	if !s.Encoded {
		return s, nil
	}
	for _, text := range []*string{&s.Subtype, &s.Message} {
		b, err := base64.StdEncoding.DecodeString(*text)
		if err != nil {
			return State{}, fmt.Errorf("%q is not base64", *text)
		}
		*text = string(b)
	}
	s.Encoded = false
	return s, nil
}

// Field is one of value, subtype and message of an entity's state, the texts in base64
// if so wanted.
func (s *States) Field(entity, field string, encode bool) (string, error) {
	state, err := s.Of(entity).decoded()
	if err != nil {
		return "", err
	}
	text := ""
	switch field {
	case "value":
		return state.Value, nil
	case "subtype":
		text = state.Subtype
	case "message":
		text = state.Message
	default:
		return "", fmt.Errorf("no field is called %q; they are value, subtype, message", field)
	}
	if encode {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text, nil
}
