package wires

import (
	"branchline/hal"
	"branchline/hal/sim/signal"
)

// A Loop is the pair of wires and our port at its end. The zero value is a good
// line on a port like those of a telephone card.
type Loop struct {
	Kind hal.Kind // of a line to an exchange: hal.FXO or hal.Cellular
	// Caps of the port: 0 for those of a telephone card, or of a mobile module.
	Caps hal.Caps
	// Hybrid is the echo of what we send, tap k after k samples of 125 us; nil for a
	// typical one, empty for none.
	Hybrid []float64
	// Delay is how much the buffers of the device hold back, in samples there and
	// back: Info.EchoDelay.
	Delay     int
	Loss      float64 // of the wires, in dB
	Noise     float64 // heard by each port, in dBm0; 0: none
	Companded bool    // each port converts through u-law
	// PPM is by how many millionths the line's clock is faster than the system's.
	PPM float64
	// Seed makes the noise of one line different from another's.
	Seed uint64
}

// What ports report and do unless a Loop says otherwise.
const (
	cardFXO = hal.ReportsPolarity | hal.ReportsBattery | hal.Dials | hal.DialsPulses | hal.Flashes | hal.AudioWhenIdle
	cardFXS = hal.Reverses | hal.SetsCadence | hal.AudioWhenIdle
	mobile  = hal.ReportsCallerID | hal.ReportsDigits | hal.ReportsTones | hal.ReportsAnswer | hal.ReportsHangup |
		hal.ReportsBattery | hal.Dials | hal.SignalsDigits | hal.SendsText | hal.CancelsEcho
)

// taps of a loop's hybrid.
func (l *Loop) taps() []float64 {
	if l.Hybrid == nil {
		return signal.TypicalHybrid()
	}
	return l.Hybrid
}
