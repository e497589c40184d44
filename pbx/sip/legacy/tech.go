package legacy

import (
	"context"
	"fmt"

	"branchline/pbx/channel"
	"branchline/pbx/sip/calls"
	"branchline/pbx/sip/devices"
	"branchline/pbx/sip/invite"
)

// Tech is the channel technology SIP: what Dial(SIP/...) calls by the devices and
// settings of sip.conf.
func (f *Front) Tech() channel.Tech { return legacyTech{f} }

type legacyTech struct{ f *Front }

func (legacyTech) Name() string { return "SIP" }

// NewLeg makes an outbound leg. All refusals are cause 20, as chan_sip's: Dial
// then ends with CHANUNAVAIL.
func (t legacyTech) NewLeg(ctx context.Context, r channel.Request) (channel.Leg, error) {
	f := t.f
	w := f.o.Rack.Load()
	refuse := func(cause channel.Cause, why string) (channel.Leg, error) {
		f.o.Log.Warn(why, "call", "SIP/"+r.Dest)
		return nil, &channel.Refusal{Cause: cause, Why: why}
	}
	if w.Settings == nil || w.Settings.SIP == nil {
		return refuse(channel.SubscriberAbsent, "there is no sip.conf, so SIP/ cannot be called; PJSIP/ is for pjsip.conf")
	}
	to, why := devices.Parse(w.Settings, r.Dest)
	if why != "" {
		return refuse(channel.SubscriberAbsent, why)
	}
	if d := to.Device; d != nil && d.CallLimit > 0 && len(f.o.Calls.Channels("SIP", d.ID)) >= d.CallLimit {
		return refuse(channel.UserBusy, fmt.Sprintf("Call to peer '%s' rejected due to usage limit of %d", d.Name, d.CallLimit))
	}
	way, err := f.o.Devices.Course(ctx, w, to)
	if err != nil {
		return refuse(channel.SubscriberAbsent, err.Error())
	}
	call := invite.Call{
		Target: way.URI, Routes: way.Routes, Contact: way.URI.String(), Caller: r.Caller, Redirecting: r.Redirecting,
		Codecs: r.Codecs, Headers: r.Headers, MaxForwards: r.MaxForwards, Privacy: r.Privacy,
	}
	if to.Device != nil {
		call.AOR = to.Device.ID
	}
	return f.o.Calls.Place(w, calls.Outward{
		Endpoint: way.Endpoint, Hop: way.Hop, Call: call, First: way.First, All: way.All, Late: way.Late,
		Lost: channel.SubscriberAbsent, Host: to.Host, Held: way.Held,
	})
}

// State is the device state of a device of sip.conf.
func (t legacyTech) State(dest string) channel.DeviceState {
	f := t.f
	w := f.o.Rack.Load()
	if w.Settings == nil || w.Settings.SIP == nil {
		return channel.DeviceInvalid
	}
	to, _ := devices.Parse(w.Settings, dest)
	dev := to.Device
	if dev == nil {
		return channel.DeviceInvalid
	}
	used := channel.InUse(called(f.o.Calls.Channels("SIP", dev.ID)), dev.BusyLevel, dev.CallLimit)
	if used == channel.DeviceOnHold && !w.Settings.SIP.NotifyHold {
		used = channel.DeviceInUse
	}
	if used == channel.DeviceNotInUse && len(f.o.Registrar.Usable(dev.ID)) == 0 && dev.DefaultHost == "" {
		return channel.DeviceUnavailable
	}
	if used == channel.DeviceNotInUse {
		return f.o.Said.Idle(dev.ID)
	}
	return used
}

// called are channels as chan_sip counts them: a device that is being called rings,
// whether it has said so or not.
func called(channels []*channel.Snapshot) []*channel.Snapshot {
	for i, c := range channels {
		if c.State == channel.Dialing {
			rings := *c
			rings.State = channel.RingingState
			channels[i] = &rings
		}
	}
	return channels
}
