package bridge

import (
	"strconv"
	"strings"
	"time"

	"branchline/pbx/astconf"
)

// FeaturesFile holds the codes that can be dialled in a call.
const FeaturesFile = "features.conf"

// FeaturesOf reads features.conf: [general] and [featuremap]. What is known of it
// and not carried out is left alone. A nil or empty file gives the defaults.
func FeaturesOf(f *astconf.File) (Features, []astconf.Diag) {
	var out Features
	var diags []astconf.Diag
	if f == nil {
		return out, nil
	}
	bad := func(e *astconf.Entry, why string) {
		diags = append(diags, astconf.Diag{Pos: e.Pos, Severity: astconf.Warning, Rule: "bad-value",
			Message: FeaturesFile + ": " + e.Name + "=" + e.Value + ": " + why})
	}
	for _, sec := range f.Sections {
		for i := range sec.Entries {
			e := &sec.Entries[i]
			name := strings.ToLower(e.Name)
			switch strings.ToLower(sec.Name) {
			case "general":
				switch name {
				case "featuredigittimeout", "transferdigittimeout":
					n, err := strconv.Atoi(strings.TrimSpace(e.Value))
					if err != nil || n <= 0 {
						bad(e, "a number of "+map[string]string{"featuredigittimeout": "milliseconds", "transferdigittimeout": "seconds"}[name]+" is wanted")
						continue
					}
					if name == "featuredigittimeout" {
						out.DigitTimeout = time.Duration(n) * time.Millisecond
					} else {
						out.TransferDigitTimeout = time.Duration(n) * time.Second
					}
				case "transferannouncesound":
					out.TransferSound = e.Value
				case "transferretrysound":
					out.InvalidSound = e.Value
				}
			case "featuremap":
				code := strings.TrimSpace(e.Value)
				if strings.Trim(code, "0123456789*#ABCDabcd") != "" || len(code) > 10 {
					bad(e, "up to ten of 0-9, *, #, A-D can be dialled")
					continue
				}
				if code == "" {
					code = "-"
				}
				switch name {
				case "blindxfer":
					out.BlindTransfer = code
				case "disconnect":
					out.Disconnect = code
				case "automixmon":
					out.MixMonitor = code
				case "automon":
					out.Monitor = code
				}
			}
		}
	}
	return out, diags
}

// Code is the code of a feature of [featuremap] by its name, "" if it has none.
func (f *Features) Code(name string) string {
	code := ""
	switch strings.ToLower(name) {
	case "automixmon":
		code = f.MixMonitor
	case "automon":
		code = f.Monitor
	case "blindxfer":
		code = f.BlindTransferCode()
	case "disconnect":
		code = f.DisconnectCode()
	}
	if code == "-" {
		return ""
	}
	return code
}
