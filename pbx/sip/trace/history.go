package trace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/sip/wire"
)

// Bounds of the history: when either is passed the oldest messages go.
const (
	historyMessages = 1000
	historyBytes    = 2 << 20
)

// history is `pjsip set history`: the last messages, kept to be looked at later.
// It costs nothing while it is off.
type history struct {
	mu     sync.Mutex
	remove func()
	kept   []message
	size   int // bytes in kept
	next   int // number of the next message
}

type message struct {
	number int
	at     time.Time
	sent   bool
	peer   netip.AddrPort
	text   []byte
}

func (h *history) on(v *Views) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.remove == nil {
		h.remove = v.o.Taps.Add(h.keep)
	}
}

func (h *history) off() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.remove != nil {
		h.remove()
		h.remove = nil
	}
}

func (h *history) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept, h.size, h.next = nil, 0, 0
}

func (h *history) keep(d wire.Direction, _ string, peer netip.AddrPort, raw []byte) {
	m := message{at: time.Now(), sent: d == wire.Outgoing, peer: peer, text: slices.Clone(raw)}
	h.mu.Lock()
	defer h.mu.Unlock()
	m.number = h.next
	h.next++
	h.kept = append(h.kept, m)
	h.size += len(m.text)
	drop := 0
	for len(h.kept)-drop > historyMessages || h.size > historyBytes {
		h.size -= len(h.kept[drop].text)
		drop++
	}
	if drop > 0 {
		h.kept = slices.Delete(h.kept, 0, drop)
	}
}

func (h *history) list() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.kept)
}

// firstLine is the request or status line.
func (m message) firstLine() string {
	line, _, _ := bytes.Cut(m.text, []byte("\n"))
	return strings.TrimRight(string(line), "\r")
}

func (m message) direction() string {
	if m.sent {
		return "* ==>"
	}
	return "* <=="
}

func (v *Views) historyCommands() []cli.Command {
	return []cli.Command{
		{Path: "pjsip set history {on|off|clear}", Summary: "Enable/Disable PJSIP History",
			Usage: "Usage: pjsip set history {on|off|clear}\n" +
				"       Begins or ends to keep SIP messages, the last " + strconv.Itoa(historyMessages) + " of them, or forgets them.\n",
			Run: v.setHistory},
		{Path: "pjsip show history", Summary: "Display PJSIP History",
			Usage: "Usage: pjsip show history [entry <num>|where <field> <operator> <value> [and ...]]\n" +
				"       Lists the messages that were kept, or shows one of them whole.\n" +
				"       With 'where' only those are listed of which all conditions hold. A field\n" +
				"       is number, timestamp, addr, sip.msg.request.method or sip.msg.call-id, an\n" +
				"       operator one of = != < <= > >= and like, which takes a part of the value.\n",
			Run: v.showHistory,
			Complete: func(args []string) []string {
				switch {
				case len(args) == 1:
					return []string{"entry", "where"}
				case len(args) == 2 && args[0] == "where":
					return historyFields
				}
				return nil
			}},
	}
}

func (v *Views) setHistory(ctx context.Context, w io.Writer, args []string) error {
	words := cli.Words(ctx)
	if len(args) > 0 {
		return cli.ErrUsage
	}
	switch strings.ToLower(words[len(words)-1]) {
	case "on":
		v.history.on(v)
		fmt.Fprintln(w, "PJSIP History enabled")
	case "off":
		v.history.off()
		fmt.Fprintln(w, "PJSIP History disabled")
	default:
		v.history.clear()
		fmt.Fprintln(w, "PJSIP History cleared")
	}
	return nil
}

func (v *Views) showHistory(_ context.Context, w io.Writer, args []string) error {
	all := v.history.list()
	switch {
	case len(args) == 0:
	case strings.EqualFold(args[0], "entry"):
		return showEntry(w, all, args[1:])
	case strings.EqualFold(args[0], "where"):
		want, err := conditions(args[1:])
		if err != nil {
			fmt.Fprintln(w, err)
			return cli.ErrFailed
		}
		all = slices.DeleteFunc(all, func(m message) bool { return !want(m) })
	default:
		return cli.ErrUsage
	}
	fmt.Fprintf(w, "%-5s %-10s %-30s %-35s\n", "No.", "Timestamp", "(Dir) Address", "SIP Message")
	fmt.Fprintln(w, "===== ========== ============================== ===================================")
	t := cli.NewTable(w, "messages", "%05d %10d %s %-24v %s\n", "number,timestamp,,address,message")
	for _, m := range all {
		t.Row(m.number, m.at.Unix(), m.direction(), m.peer, m.firstLine())
	}
	return nil
}

func showEntry(w io.Writer, all []message, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return cli.ErrUsage
	}
	i := slices.IndexFunc(all, func(m message) bool { return m.number == n })
	if i < 0 {
		fmt.Fprintf(w, "Entry '%d' does not exist\n", n)
		return cli.ErrFailed
	}
	m := all[i]
	way := "Received from"
	if m.sent {
		way = "Sent to"
	}
	text := readable(m.text)
	fmt.Fprintf(w, "<--- History Entry %d %s %s at %d --->\n%s\n", n, way, m.peer, m.at.Unix(), text)
	cli.Put(w, "number", n)
	cli.Put(w, "timestamp", m.at.Unix())
	cli.Put(w, "sent", m.sent)
	cli.Put(w, "address", m.peer.String())
	cli.Put(w, "message", text)
	return nil
}

var historyFields = []string{"number", "timestamp", "addr", "sip.msg.request.method", "sip.msg.call-id"}

// conditions reads "field operator value [and field operator value]...".
func conditions(words []string) (func(message) bool, error) {
	var all []func(message) bool
	for {
		if len(words) < 3 || len(words) > 3 && !strings.EqualFold(words[3], "and") {
			return nil, fmt.Errorf("a condition is <field> <operator> <value>, more are joined with 'and'")
		}
		one, err := condition(strings.ToLower(words[0]), strings.ToLower(words[1]), words[2])
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if len(words) == 3 {
			return func(m message) bool {
				return !slices.ContainsFunc(all, func(f func(message) bool) bool { return !f(m) })
			}, nil
		}
		words = words[4:]
	}
}

func condition(field, operator, value string) (func(message) bool, error) {
	if !slices.Contains(historyFields, field) {
		return nil, fmt.Errorf("no field '%s'; there are %s", field, strings.Join(historyFields, ", "))
	}
	if !slices.Contains([]string{"=", "!=", "<", "<=", ">", ">=", "like"}, operator) {
		return nil, fmt.Errorf("no operator '%s'", operator)
	}
	number, err := strconv.ParseInt(value, 10, 64)
	numeric := field == "number" || field == "timestamp"
	if numeric && err != nil {
		return nil, fmt.Errorf("%s is compared with a number, not with '%s'", field, value)
	}
	return func(m message) bool {
		text, n := "", int64(0)
		switch field {
		case "number":
			n = int64(m.number)
		case "timestamp":
			n = m.at.Unix()
		case "addr":
			text = m.peer.String()
		case "sip.msg.request.method":
			if text, _, _ = strings.Cut(m.firstLine(), " "); strings.HasPrefix(text, "SIP/") {
				text = ""
			}
		default:
			text = headerIn(m.text, "call-id", "i")
		}
		order := strings.Compare(text, value)
		if numeric {
			order = int(max(-1, min(1, n-number)))
		}
		switch operator {
		case "=":
			return order == 0
		case "!=":
			return order != 0
		case "<":
			return order < 0
		case "<=":
			return order <= 0
		case ">":
			return order > 0
		case ">=":
			return order >= 0
		}
		return strings.Contains(text, value)
	}, nil
}

// headerIn finds the value of a header in a message that nobody has parsed.
func headerIn(text []byte, name, short string) string {
	for line := range bytes.Lines(text) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if k := strings.TrimSpace(string(key)); ok && (strings.EqualFold(k, name) || strings.EqualFold(k, short)) {
			return strings.TrimSpace(string(value))
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	return ""
}
