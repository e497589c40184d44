//go:build judge

package dtmf

const thorough = true
