//go:build judge

package progress

const thorough = true
