package modemtest

import (
	"fmt"
	"strconv"
	"strings"
)

// command carries out one line and answers it.
func (v *Voice) command(text string) {
	v.hesitate()
	var info, result string
	if way := "ATDT"; strings.HasPrefix(text, way) || strings.HasPrefix(text, "ATDP") {
		result = v.dial(text[len(way):])
	} else {
		info, result = v.obey(text)
	}
	for _, line := range strings.Split(info, "\n") {
		if line != "" {
			v.line(line)
		}
	}
	if result != "" {
		v.line(result)
	}
	if result == "CONNECT" {
		v.mu.Lock()
		v.stream = true
		v.mu.Unlock()
		v.say("stream")
	}
}

// obey gives the lines of information and the result of a command.
func (v *Voice) obey(text string) (info, result string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	model := v.model
	switch text {
	case "AT", "ATM0", "ATX3", "ATX4", "ATS0=0", "ATS8=1", "AT+VIT=0", "AT+VPR=0":
		return "", "OK"
	case "ATZ":
		v.echo, v.class, v.vcid, v.offHook = true, 0, false, false
		return "", "OK"
	case "ATE0V1":
		v.echo = false
		return "", "OK"
	case "ATS3?":
		return "013", "OK"
	case "ATS4?":
		return "010", "OK"
	case "ATS5?":
		return "008", "OK"
	case "AT+FMM?", "AT+GMM":
		if model == USR5637 {
			return "", "ERROR"
		}
		return "V90", "OK"
	case "ATI3":
		return [...]string{"CX93010-EIS_V0.2013-V92", "U.S. Robotics 56K FAX USB V1.2.23", "CX06833-34 V92", "AC/V56", "CX93010 clone"}[model], "OK"
	case "AT+FMR?":
		return `+FMR: "V1.01"`, "OK"
	case "AT+FCLASS=?":
		if model == DataOnly {
			return "0,1,1.0,2", "OK"
		}
		return "0,1,1.0,2,8", "OK"
	case "AT+FCLASS=8":
		if model == DataOnly {
			return "", "ERROR"
		}
		v.class = 8
		return "", "OK"
	case "AT+FCLASS=0":
		v.class = 0
		return "", "OK"
	case "AT+VCID=1":
		v.vcid = true
		return "", "OK"
	case "AT+VSM=?":
		switch model {
		case USR5637:
			return "128,\"8-BIT LINEAR\",8,0,(7200,8000,11025),(0),(0)\n129,\"16-BIT LINEAR\",16,0,(7200,8000),(0),(0)\n140,\"2 Bit ADPCM\",2,0,8000,0,0", "OK"
		case HalfDuplex:
			return "1,\"UNSIGNED PCM\",8,0,8000,0,0\n129,\"IMA ADPCM\",4,0,8000,0,0\n130,\"UNSIGNED PCM\",8,0,8000,0,0", "OK"
		}
		return "+VSM: 0,SIGNED PCM,8,0,8000,0,0\n+VSM: 1,UNSIGNED PCM,8,0,8000,0,0\n+VSM: 129,IMA ADPCM,4,0,8000,0,0\n+VSM: 130,UNSIGNED PCM,8,0,8000,0,0\n" +
			"+VSM: 131,Mu-Law,8,0,8000,0,0\n+VSM: 132,A-Law,8,0,8000,0,0\n+VSM: 133,14-bit PCM,14,0,8000,0,0", "OK"
	case "AT+VSD=0,0":
		if model == USR5637 {
			return "", "ERROR"
		}
		return "", "OK"
	case "AT+VSD=128,0":
		return "", "OK"
	case "AT+VLS=1":
		if v.class != 8 {
			return "", "ERROR"
		}
		v.offHook = true
		v.say("off hook")
		return "", "OK"
	case "AT+VLS=0", "ATH":
		if v.offHook {
			v.say("on hook")
		}
		v.offHook = false
		return "", "OK"
	case "AT+VTR":
		if model == HalfDuplex || model == Pretender || !v.offHook || v.vsm == 0 {
			return "", "ERROR"
		}
		return "", "CONNECT"
	case "AT+VTS=!":
		v.say("flash")
		return "", "OK"
	}
	if rest, ok := strings.CutPrefix(text, "AT+VSM="); ok {
		n, err := strconv.Atoi(strings.Split(rest, ",")[0])
		known := map[VoiceModel]string{CX93010: " 0 1 130 131 132 133 ", USR5637: " 128 129 ", HalfDuplex: " 1 130 ", Pretender: " 131 "}[model]
		if err != nil || !strings.Contains(known, fmt.Sprintf(" %d ", n)) {
			return "", "ERROR"
		}
		v.vsm = n
		return "", "OK"
	}
	return "", "ERROR"
}

// dial carries out ATD, which takes its time.
func (v *Voice) dial(number string) (result string) {
	v.mu.Lock()
	voice := v.class == 8
	v.offHook = voice
	v.mu.Unlock()
	if !voice {
		return "ERROR"
	}
	number, stay := strings.CutSuffix(number, ";")
	v.say("dialled %s", number)
	switch result = v.o.Dialled(number); {
	case result != "":
		v.mu.Lock()
		v.offHook = false
		v.mu.Unlock()
		return result
	case stay:
		return "OK"
	}
	return "VCON"
}
