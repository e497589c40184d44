package way

import (
	"log/slog"

	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
)

// A Finder finds where requests go.
type Finder struct {
	Rack      *transports.Rack
	Resolver  transports.Resolver
	Registrar *registrar.Registrar
	Token     func() string // random text
	Log       *slog.Logger
}
