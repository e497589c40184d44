// Package progress puts our call progress and fax tones before judges not written
// here, and our detectors before theirs, and before speech and music. Its tests run
// by `make judge`.
package progress
