package sip

import (
	"log/slog"

	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
)

// A finder finds where requests go.
type finder struct {
	rack      *transports.Rack
	resolver  transports.Resolver
	registrar *registrar.Registrar
	token     func() string // random text
	log       *slog.Logger
}
