package sysconf

import "branchline/hal/dahdi/abi"

// Oscillator is oscillator, for the test that runs it as the kernel does.
func Oscillator(hz, level float64) abi.Oscillator { return oscillator(hz, level) }
