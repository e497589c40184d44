// Package prompts holds what the exchange says: digits, letters, announcements
// and signals, as raw 8 kHz G.711 u-law under the file names that dialplans and
// applications ask for. build/prompts makes the files from its word lists.
package prompts

import "embed"

// FS has one directory per language at its root: "en/digits/1.ulaw". A language
// may lack prompts that English has.
//
//go:embed en zh_TW
var FS embed.FS
