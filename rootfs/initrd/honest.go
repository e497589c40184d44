//go:build !sabotage

package main

// spoil is for tests of updates that fail; see sabotage.go.
func (s *starter) spoil() error { return nil }
