package modemtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// take reads what the computer sends.
func (c *Cell) take(b []byte) {
	c.mu.Lock()
	deaf := c.deaf
	c.mu.Unlock()
	if !c.legible() || deaf {
		return
	}
	for _, b := range b {
		c.mu.Lock()
		body := c.body
		c.mu.Unlock()
		switch {
		case body > 0 && b == 0x1a:
			c.submit(string(c.typing), body)
			c.typing = c.typing[:0]
		case b == 0x1b:
			c.mu.Lock()
			c.body = 0
			c.mu.Unlock()
			c.typing = c.typing[:0]
		case body > 0:
			c.typing = append(c.typing, b)
		default:
			if text, whole := c.typed(&c.typing, b); whole {
				c.command(text)
			}
		}
	}
}

// submit takes the body of a message.
func (c *Cell) submit(digits string, length int) {
	c.mu.Lock()
	c.body = 0
	c.ref = (c.ref + 1) & 0xff
	ref := c.ref
	c.mu.Unlock()
	if len(digits)/2-1 != length {
		c.line("+CMS ERROR: 304")
		return
	}
	c.o.Sent(digits)
	c.line(fmt.Sprintf("+CMGS: %d", ref))
	c.line("OK")
}

// command carries out one line and answers it.
func (c *Cell) command(text string) {
	c.hesitate()
	info, result := c.obey(text)
	for _, line := range info {
		c.line(line)
	}
	if result == ">" {
		c.send([]byte("\r\n> "))
		return
	}
	c.line(result)
	switch {
	case text == "ATA" && result == "OK":
		c.FarAnswers()
	case strings.HasPrefix(text, "ATD") && result == "OK":
		c.state()
	}
}

func (c *Cell) obey(text string) (info []string, result string) {
	if to, ok := strings.CutPrefix(text, "ATD"); ok {
		return nil, c.dial(to)
	}
	if text == "AT+CHUP" || strings.HasPrefix(text, "AT+QHUP=") {
		return nil, c.hangUp(text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	one := func(s string) ([]string, string) { return []string{s}, "OK" }
	ok := func() ([]string, string) { return nil, "OK" }
	quectel := c.model == EC25
	switch text {
	case "ATE0":
		c.echo = false
		return ok()
	case "ATS3?":
		return one("013")
	case "ATS4?":
		return one("010")
	case "ATS5?":
		return one("008")
	case "AT+CGMM":
		return one([...]string{"EC25", "SIMCOM_SIM7600G-H"}[c.model])
	case "AT+CGMR":
		return one([...]string{"EC25EFAR06A06M4G", "+CGMR: LE20B04SIM7600G22"}[c.model])
	case "AT+CGSN":
		return one("861234567890123")
	case "AT", "AT+CMEE=1", `AT+CSCS="UCS2"`, "AT+CREG=2", "AT+CEREG=2":
		return ok()
	case "AT+CPIN?":
		switch {
		case !c.sim:
			return nil, "+CME ERROR: 10"
		case c.o.PIN != "" && !c.pinned:
			return one("+CPIN: SIM PIN")
		}
		return one("+CPIN: READY")
	case "AT+CREG?":
		return one(fmt.Sprintf(`+CREG: 2,%d,"1A2B","01C3D4E5",7`, c.circuit))
	case "AT+CEREG?":
		return one(fmt.Sprintf(`+CEREG: 2,%d,"1A2B","01C3D4E5",7`, c.circuit))
	case "AT+CSQ":
		return one("+CSQ: 21,99")
	case "AT+COPS?":
		return one(`+COPS: 0,0,"004300680075006E0067006800770061002000540065006C",7`)
	case "AT+CIMI":
		return one("466920123456789")
	case "AT+CLIP=1", "AT+CRC=1", "AT+CSSN=1,1", "AT+CMGF=0", "AT+CNMI=2,1,0,1,0":
		if !c.sim {
			return nil, "+CME ERROR: 10"
		}
		return ok()
	case `AT+CPMS="ME","ME","ME"`:
		return one("+CPMS: 0,255,0,255,0,255")
	case `AT+QURCCFG="urcport","usbat"`, `AT+QINDCFG="ccinfo",1`, "AT+QTONEDET=1":
		if quectel {
			return ok()
		}
	case "AT+QPCMV=1,0", "AT+QPCMV=0":
		if quectel {
			c.speech = text == "AT+QPCMV=1,0"
			return ok()
		}
	case "AT+CLCC=1", "AT+DDET=1", "AT+CPCMFRM=0":
		if !quectel {
			return ok()
		}
	case "AT+CPCMREG=1", "AT+CPCMREG=0":
		if !quectel {
			if on := text == "AT+CPCMREG=1"; on && (c.call == nil || c.call.state != 0) {
				return nil, "ERROR" // only while the call is up
			} else {
				c.speech = on
			}
			return ok()
		}
	case "AT+CLCC":
		if k := c.call; k != nil {
			dir := 0
			if k.incoming {
				dir = 1
			}
			return one(fmt.Sprintf(`+CLCC: 1,%d,%d,0,0,"%s",%d`, dir, k.state, k.number, kind(k.number)))
		}
		return ok()
	case "AT+CEER":
		return one("+CEER: " + c.reason)
	case "AT+CHLD=0":
		return ok()
	case "ATA":
		if c.call == nil || !c.call.incoming {
			return nil, "NO CARRIER"
		}
		c.call.state = 0
		return ok()
	case "AT+CMGL=4":
		for _, i := range slices.Sorted(maps.Keys(c.messages)) {
			info = append(info, fmt.Sprintf("+CMGL: %d,0,,%d", i, len(c.messages[i])/2-1), c.messages[i])
		}
		return info, "OK"
	}
	if pin, is := strings.CutPrefix(text, `AT+CPIN="`); is {
		if strings.TrimSuffix(pin, `"`) != c.o.PIN {
			return nil, "+CME ERROR: 16"
		}
		c.pinned = true
		return ok()
	}
	if d, is := strings.CutPrefix(text, "AT+VTS="); is && c.call != nil && c.call.state == 0 {
		c.digits = append(c.digits, strings.Trim(d, `"`)...)
		return ok()
	}
	if n, is := strings.CutPrefix(text, "AT+CMGD="); is {
		i, err := strconv.Atoi(n)
		if err != nil {
			return nil, "+CMS ERROR: 321"
		}
		delete(c.messages, i)
		return ok()
	}
	if n, is := strings.CutPrefix(text, "AT+CMGS="); is {
		length, err := strconv.Atoi(n)
		if err != nil || length == 0 {
			return nil, "+CMS ERROR: 304"
		}
		c.body = length
		return nil, ">"
	}
	return nil, "ERROR"
}

// dial carries out ATD.
func (c *Cell) dial(to string) string {
	number, voice := strings.CutSuffix(to, ";")
	if !voice {
		return "NO CARRIER"
	}
	c.o.Say("dialled " + number)
	if result := c.o.Dialled(number); result != "" {
		return result
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.call = &cellCall{state: 2, number: number}
	return "OK"
}

func (c *Cell) hangUp(text string) string {
	c.mu.Lock()
	there := c.call != nil
	if rest, ok := strings.CutPrefix(text, "AT+QHUP="); ok {
		if c.model != EC25 {
			c.mu.Unlock()
			return "ERROR"
		}
		c.cause, _ = strconv.Atoi(strings.Split(rest, ",")[0])
	}
	c.mu.Unlock()
	if there {
		c.o.Say("hung up")
		c.over()
	}
	return "OK"
}
