package dtmf

import "time"

// A Form is how a Sender sends digits.
type Form struct {
	On, Off   time.Duration // of each digit and after it; 0: 100 ms
	Low, High float64       // dBm0 of its tones; both 0: -10 and -8
}

// Pause is how long a 'w' in a row of digits waits.
const Pause = 500 * time.Millisecond

// A Sender dials: it sends a row of digits as tones. The zero value has nothing to
// send. It belongs to one goroutine and does not allocate.
type Sender struct {
	form Form
	row  string
	tone Tone
	on   int // samples left of the tone
	off  int // samples left of the pause after it
}

// Start begins to send a row of digits, in which 'w' waits half a second and what
// is no digit is left out. What was being sent is dropped.
func (s *Sender) Start(row string, f Form) {
	if f.On <= 0 {
		f.On = 100 * time.Millisecond
	}
	if f.Off <= 0 {
		f.Off = 100 * time.Millisecond
	}
	if f.Low == 0 && f.High == 0 {
		f.Low, f.High = lowLevel, highLevel
	}
	*s = Sender{form: f, row: row}
}

// Done reports whether everything is out, the pause after the last digit too.
func (s *Sender) Done() bool { return s.row == "" && s.on == 0 && s.off == 0 }

// Fill writes the next samples, and silence when all is out. It returns how many
// samples belong to the row: fewer than len(out) when it ends in out.
func (s *Sender) Fill(out []int16) int {
	done := 0
	for done < len(out) {
		left := out[done:]
		switch {
		case s.on > 0:
			n := min(s.on, len(left))
			s.on -= n
			s.tone.Fill(left[:n])
			done += n
		case s.off > 0:
			n := min(s.off, len(left))
			s.off -= n
			clear(left[:n])
			done += n
		case s.row != "":
			s.next()
		default:
			clear(left)
			return done
		}
	}
	return done
}

func (s *Sender) next() {
	d := s.row[0]
	s.row = s.row[1:]
	switch {
	case Valid(d):
		s.tone.StartAt(d, s.form.Low, s.form.High)
		s.on, s.off = samples(s.form.On), samples(s.form.Off)
		s.tone.End(s.on)
	case d == 'w' || d == 'W':
		s.off = samples(Pause)
	}
}

func samples(d time.Duration) int { return int(d * Rate / time.Second) }
