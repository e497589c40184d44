// Package looped tests the exchange on real telephone ports: those of the DAHDI kernel
// modules, in the guest that build/dahdiguest boots. A telephone's port is wired to a
// line's, so that the tests are the public exchange at the far end of our lines and the
// telephones at our ports.
//
// The tests carry the build tag dahdi; `make dahdi` runs them.
package looped
