package phones

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"rsc.io/qr/coding"
)

// A Sheet is what whoever sets the phones up needs.
type Sheet struct {
	Host   string // address or name of the exchange
	Phones []Phone
	Notes  []string // lines for people
}

// URI is the SIP address that a phone's code holds: with the password in it, in the
// form of RFC 3261 section 19.1.1. That section warns of passwords in addresses; this
// one is on paper, and never in a message.
func (s Sheet) URI(p Phone) string {
	return fmt.Sprintf("sip:%s:%s@%s;transport=udp", p.Extension, p.Secret, s.Host)
}

// Text is the sheet for any editor.
func (s Sheet) Text() string {
	var b strings.Builder
	b.WriteString("Branchline: the telephones\n==========================\n\nWhoever has this sheet can call as any of these. Print it, then delete it.\n\n")
	fmt.Fprintf(&b, "SIP server (registrar, domain): %s, port 5060, UDP or TCP\n", s.Host)
	for _, n := range s.Notes {
		fmt.Fprintln(&b, n)
	}
	for _, p := range s.Phones {
		fmt.Fprintf(&b, "\n%s\n  user name, authentication name  %s\n  password                        %s\n", p.Name, p.Extension, p.Secret)
	}
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// Measures of the drawing, in millimetres of an A4 page.
const (
	pageWidth, pageHeight = 210, 297
	margin                = 12
	cardWidth             = (pageWidth - 2*margin) / 3
	cardHeight            = 80
	codeSize              = 44
	rows                  = (pageHeight - 2*margin - 24) / cardHeight
	perPage               = 3 * rows
)

// SVG is the sheet with a code for each phone, to be printed and cut.
func (s Sheet) SVG() (string, error) {
	pages := max(1, (len(s.Phones)+perPage-1)/perPage)
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%dmm\" height=\"%dmm\" viewBox=\"0 0 %[1]d %[2]d\" font-family=\"sans-serif\">\n<rect width=\"%[1]d\" height=\"%[2]d\" fill=\"#fff\"/>\n",
		pageWidth, pages*pageHeight)
	for page := range pages {
		y := page*pageHeight + margin
		text(&b, margin, float64(y)+6, 6, "Branchline: the telephones")
		text(&b, margin, float64(y)+12, 3.5, "SIP server "+s.Host+", port 5060, UDP or TCP. Whoever has this sheet can call as any of these.")
		for i, n := range s.Notes {
			text(&b, margin, float64(y)+17+4.5*float64(i), 3.5, n)
		}
	}
	for i, p := range s.Phones {
		x := margin + i%3*cardWidth
		y := i/perPage*pageHeight + margin + 24 + i%perPage/3*cardHeight
		if err := s.card(&b, p, float64(x), float64(y)); err != nil {
			return "", err
		}
	}
	b.WriteString("</svg>\n")
	return b.String(), nil
}

func (s Sheet) card(b *strings.Builder, p Phone, x, y float64) error {
	code, err := encode(s.URI(p))
	if err != nil {
		return fmt.Errorf("phone %s: %w", p.Extension, err)
	}
	fmt.Fprintf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\" stroke-width=\"0.2\"/>\n", x, y, cardWidth, cardHeight)
	text(b, x+3, y+6, 4.5, clip(p.Name, 24))
	// One path of rectangles as wide as the run of dark squares; the standard wants a
	// margin of four squares, which the frame leaves.
	fmt.Fprintf(b, "<path transform=\"translate(%.2f %.1f) scale(%.4f)\" d=\"", x+(cardWidth-codeSize)/2, y+9, codeSize/float64(code.Size))
	for row := range code.Size {
		for col := 0; col < code.Size; col++ {
			run := 0
			for code.Black(col+run, row) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(b, "M%d %dh%dv1h-%[3]dz", col, row, run)
				col += run
			}
		}
	}
	b.WriteString("\"/>\n")
	text(b, x+3, y+60, 3.5, "user "+p.Extension)
	text(b, x+3, y+66, 3.5, "password")
	fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"4\" font-family=\"monospace\">%s</text>\n", x+3, y+72, escape(p.Secret))
	return nil
}

// encode is the smallest code for a text. The library's own Encode would do, but
// brings pictures along.
func encode(text string) (*coding.Code, error) {
	const level = coding.M // a sixth of it may be dirty
	for v := coding.Version(coding.MinVersion); v <= coding.MaxVersion; v++ {
		if coding.String(text).Bits(v) > v.DataBytes(level)*8 {
			continue
		}
		plan, err := coding.NewPlan(v, level, 0)
		if err != nil {
			return nil, err
		}
		return plan.Encode(coding.String(text))
	}
	return nil, fmt.Errorf("a code of %d characters is too large", len(text))
}

func text(b *strings.Builder, x, y, size float64, s string) {
	fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\">%s</text>\n", x, y, size, escape(s))
}

// clip shortens a text to so many characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\"", "&quot;").Replace(s)
}
