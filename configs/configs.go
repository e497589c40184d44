// Package configs holds the sample configurations that the program carries:
// the demonstration that `make run` starts, and the arrangements of one to three
// exchanges that sites ask for, from a single one with sip.conf (a) to two that
// are bridged over a TCP trunk (e), and branch offices with telephone lines. Tests
// load them too, so that they keep working.
package configs

import "embed"

// FS has one directory per sample at its root, and in those of several exchanges
// one per exchange: "demo", "scenario-e/server1", "scenario-e/server3" ...
//
//go:embed demo scenario-a scenario-b scenario-c scenario-d1 scenario-d2 scenario-d3 scenario-d4 scenario-e
//go:embed lines-office lines-modem lines-mobile lines-by-caller lines-emergency
var FS embed.FS
