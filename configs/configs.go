// Package configs holds the sample configurations that the program carries:
// the demonstration that `make run` starts, and two exchanges bridged over a
// TCP trunk, the arrangement most sites ask for first. Tests load them too, so
// that they keep working.
package configs

import "embed"

// FS has one directory per sample at its root: "demo", "scenario-e/server1",
// "scenario-e/server3".
//
//go:embed demo scenario-e
var FS embed.FS
