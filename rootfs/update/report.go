package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"branchline/rootfs"
)

// Outcome is how far an update has come.
type Outcome string

// The outcomes.
const (
	Installed  Outcome = "installed"   // on trial with the next start
	Confirmed  Outcome = "confirmed"   // the good one now
	RolledBack Outcome = "rolled back" // it did not prove itself: the system before it runs
	Refused    Outcome = "refused"     // it was never started
)

// Unknown is the version of an update that is not known.
const Unknown = "of an unknown version"

// A Report is what is known of the newest update. It outlives the system that wrote
// it.
type Report struct {
	Outcome Outcome
	Version string    // of the update
	Slot    int       // it is, or was, in
	When    time.Time // of the outcome
	Reason  string    `json:",omitempty"` // of a failure
	Last    []string  `json:",omitempty"` // what the failed system said last
}

// reportFile keeps the report, below the data partition.
const reportFile = "update.json"

// SlotName is how people call a slot.
func SlotName(slot int) string {
	switch slot {
	case rootfs.SlotA:
		return "A"
	case rootfs.SlotB:
		return "B"
	}
	return fmt.Sprintf("%d", slot)
}

// String is the report in a few lines.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "update %s: %s (slot %s, %s)\n", r.Version, r.Outcome, SlotName(r.Slot), r.When.UTC().Format(time.DateTime))
	if r.Outcome == RolledBack {
		b.WriteString("the update is NOT installed: the system before it runs again\n")
	}
	if r.Reason != "" {
		fmt.Fprintf(&b, "reason: %s\n", r.Reason)
	}
	for _, line := range r.Last {
		fmt.Fprintf(&b, "  | %s\n", line)
	}
	return b.String()
}

// Alarm is one line about a failure that somebody should know of; "" if there is none.
func (r *Report) Alarm() string {
	if r == nil || r.Outcome != RolledBack {
		return ""
	}
	return fmt.Sprintf("the update %s is NOT installed (slot %s: %s); see update show", r.Version, SlotName(r.Slot), r.Reason)
}

// Save writes the report, whole or not at all.
func (r *Report) Save(data string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	name := filepath.Join(data, reportFile)
	f, err := os.CreateTemp(data, reportFile+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// ReadReport reads the report below the data partition; nil if there was never an
// update.
func ReadReport(data fs.FS) (*Report, error) {
	text, err := fs.ReadFile(data, reportFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", reportFile, err)
	}
	return r, nil
}
