package callerid

// Message types (GR-30 2.3, EN 300 659-3 5.2).
const (
	singleCall  = 0x04 // SDMF
	singleLamp  = 0x06
	multiCall   = 0x80 // MDMF
	multiLamp   = 0x82
	lampOn      = 0xff
	lampOff     = 0x00
	private     = 'P'
	outOfArea   = 'O'
	bellMaxName = 15
)

// Parameters of MDMF: up to 8 GR-30, further ones EN 300 659-3 5.4.
const (
	paramTime        = 0x01
	paramNumber      = 0x02
	paramDialled     = 0x03
	paramNoNumber    = 0x04
	paramReason      = 0x05
	paramName        = 0x07
	paramNoName      = 0x08
	paramLamp        = 0x0b
	paramCallType    = 0x11
	paramFirstCalled = 0x12
	paramMessages    = 0x13
	paramForwarded   = 0x15
	paramRedirecting = 0x1a
)

// frame is m as the characters of a modem transmission: type, length, data,
// checksum.
func (f Form) frame(m Message) []byte {
	m = m.sendable()
	var b []byte
	switch {
	case f.Signal == V23JP:
		return frameJP(m)
	case f.Single && m.Lamp != LampAsIs:
		b = frameSingleLamp(m)
	case f.Single:
		b = frameSingle(m)
	default:
		b = f.frameMulti(m)
	}
	b[1] = byte(len(b) - 2)
	return append(b, -sum(b))
}

func sum(b []byte) (s byte) {
	for _, c := range b {
		s += c
	}
	return s
}

func frameSingle(m Message) []byte {
	b := append([]byte{singleCall, 0}, m.Stamp.digits()...)
	_, who := m.caller()
	return append(b, who...)
}

// caller is the parameter that says who calls: the number, or why there is none.
func (m Message) caller() (kind byte, data []byte) {
	switch {
	case m.Withheld:
		return paramNoNumber, []byte{private}
	case m.Number == "":
		return paramNoNumber, []byte{outOfArea}
	}
	return paramNumber, []byte(m.Number)
}

// frameSingleLamp: GR-1401 has three equal letters, B for on and o for off.
func frameSingleLamp(m Message) []byte {
	c := byte('o')
	if m.Lamp == LampOn {
		c = 'B'
	}
	return []byte{singleLamp, 0, c, c, c}
}

func (f Form) frameMulti(m Message) []byte {
	b := []byte{multiCall, 0}
	param := func(kind byte, data ...byte) {
		b = append(append(b, kind, byte(len(data))), data...)
	}
	etsi := f.Signal == V23
	if m.Lamp != LampAsIs {
		b[0] = multiLamp
		if m.Lamp == LampOn {
			param(paramLamp, lampOn)
		} else {
			param(paramLamp, lampOff)
		}
		if etsi {
			param(paramMessages, byte(max(0, min(255, m.Messages))))
		}
		return b
	}
	if etsi && m.CallType != 0 {
		param(paramCallType, m.CallType)
	}
	if m.Stamp.valid() {
		param(paramTime, m.Stamp.digits()...)
	}
	kind, who := m.caller()
	param(kind, who...)
	most := bellMaxName
	if etsi {
		most = maxName
	}
	switch name := latin(m.Name, most); {
	case len(name) > 0:
		param(paramName, name...)
	case m.NameWithheld:
		param(paramNoName, private)
	case m.NameUnavailable:
		param(paramNoName, outOfArea)
	}
	if m.Dialled != "" {
		param(paramDialled, []byte(m.Dialled)...)
	}
	if etsi && m.Redirect != "" {
		param(paramRedirecting, []byte(m.Redirect)...)
	}
	if m.Diverted != NotDiverted {
		if etsi {
			param(paramForwarded, [...]byte{0, 3, 1, 2}[m.Diverted])
		} else {
			param(paramReason, '0'+byte(m.Diverted-DivertedAlways))
		}
	}
	return b
}

func (s Stamp) digits() []byte {
	b := make([]byte, 0, 8)
	for _, n := range [...]uint8{s.Month, s.Day, s.Hour, s.Minute} {
		b = append(b, '0'+n/10, '0'+n%10)
	}
	return b
}

// stamp reads MMDDHHMM; the zero Stamp if it is none.
func stamp(b []byte) (s Stamp) {
	var n [4]uint8
	for i := range n {
		if len(b) < 2*i+2 || b[2*i]-'0' > 9 || b[2*i+1]-'0' > 9 {
			return Stamp{}
		}
		n[i] = 10*(b[2*i]-'0') + b[2*i+1] - '0'
	}
	if s = (Stamp{n[0], n[1], n[2], n[3]}); !s.valid() {
		return Stamp{}
	}
	return s
}

// parse reads the characters of a transmission; false if it is damaged, or of a
// type that says nothing about a caller or a lamp.
func parse(b []byte) (m Message, ok bool) {
	if len(b) < 4 || len(b) != int(b[1])+3 || sum(b) != 0 {
		return m, false
	}
	data := b[2 : len(b)-1]
	switch b[0] {
	case singleCall:
		if len(data) < 9 {
			return m, false
		}
		m.Stamp = stamp(data[:8])
		m.setNumber(data[8:])
		return m, true
	case singleLamp:
		if data[0] == 'B' {
			m.Lamp = LampOn
		} else {
			m.Lamp = LampOff
		}
		return m, true
	case multiCall, multiLamp:
		return parseMulti(b[0], data)
	}
	return m, false
}

func parseMulti(kind byte, data []byte) (m Message, ok bool) {
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(data[1]) {
			return Message{}, false
		}
		m.set(data[0], data[2:2+int(data[1])])
		data = data[2+int(data[1]):]
	}
	if kind == multiLamp {
		return m, m.Lamp != LampAsIs
	}
	m.Lamp, m.Messages = LampAsIs, 0 // in a call's message they say nothing to us
	if m.Number == "" && !m.Withheld {
		m.Unavailable = true
	}
	return m, true
}

// set takes one parameter; those unknown are none of our business.
func (m *Message) set(kind byte, data []byte) {
	if len(data) == 0 {
		return
	}
	switch kind {
	case paramTime:
		m.Stamp = stamp(data)
	case paramNumber:
		m.setNumber(data)
	case paramDialled:
		m.Dialled = number(data)
	case paramNoNumber:
		m.Withheld = data[0] == private
		m.Unavailable = !m.Withheld
	case paramReason:
		if r := data[0] - '0'; r <= 2 {
			m.Diverted = DivertedAlways + Diversion(r)
		}
	case paramName:
		m.Name = text(data)
	case paramNoName:
		m.NameWithheld = data[0] == private
		m.NameUnavailable = !m.NameWithheld
	case paramLamp:
		m.Lamp = LampOff
		if data[0] != lampOff {
			m.Lamp = LampOn
		}
	case paramCallType:
		m.CallType = data[0]
	case paramFirstCalled:
		if m.Redirect == "" {
			m.Redirect = number(data)
		}
	case paramMessages:
		m.Messages = int(data[0])
	case paramForwarded:
		if data[0] < 4 {
			m.Diverted = [...]Diversion{NotDiverted, DivertedBusy, DivertedNoAnswer, DivertedAlways}[data[0]]
		}
	case paramRedirecting:
		m.Redirect = number(data)
	}
}

// setNumber takes a number, or the single letter that some exchanges send in its
// place (SDMF has no other way).
func (m *Message) setNumber(data []byte) {
	switch n := number(data); n {
	case string(private):
		m.Withheld = true
	case "", string(outOfArea):
		m.Unavailable = true
	default:
		m.Number = n
	}
}
