// Package callerid lets judges not written here decode the caller identity we send,
// and us decode what they send (build tag judge).
package callerid
