// Package echo holds the tests that set our echo canceller beside libspandsp's, on
// the echo paths of ITU-T G.168 and real speech. They need the tag judge.
package echo
