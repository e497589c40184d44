package channel

import "strconv"

// A Frame is one level of Gosub: where Return goes on, and the variables that
// are local to the subroutine.
type Frame struct {
	Context, Exten string
	Priority       int // the step after the Gosub
	Args           int // how many ARGn were passed

	shadowed []shadow
}

// shadow is a variable as it was before a frame made it local.
type shadow struct {
	key, plain, value string
	set               bool
}

type framesKey struct{}

// maxFrames bounds recursion of subroutines; a dialplan that goes deeper calls
// itself without end.
const maxFrames = 512

func (c *Channel) frames() []*Frame {
	f, _ := c.extras[framesKey{}].([]*Frame)
	return f
}

// PushFrame enters a subroutine and sets ARG1 ... and ARGC for it. ARGs of the
// caller beyond those passed are hidden until PopFrame. It reports false, and
// does nothing, when subroutines are nested deeper than 512 levels.
func (c *Channel) PushFrame(context, exten string, priority int, args []string) bool {
	frames := c.frames()
	if len(frames) >= maxFrames {
		return false
	}
	hidden := 0
	if len(frames) > 0 {
		hidden = frames[len(frames)-1].Args
	}
	f := &Frame{Context: context, Exten: exten, Priority: priority, Args: len(args)}
	c.SetExtra(framesKey{}, append(frames, f))
	for i, a := range args {
		c.SetLocal("ARG"+strconv.Itoa(i+1), a)
	}
	for i := len(args); i < hidden; i++ {
		c.SetLocal("ARG"+strconv.Itoa(i+1), "")
	}
	c.SetLocal("ARGC", strconv.Itoa(len(args)))
	return true
}

// TopFrame is the subroutine the channel is in, nil if none.
func (c *Channel) TopFrame() *Frame {
	if f := c.frames(); len(f) > 0 {
		return f[len(f)-1]
	}
	return nil
}

// FrameAt gives the frame n levels below the top (0: TopFrame), nil if the
// stack is not that deep.
func (c *Channel) FrameAt(n int) *Frame {
	f := c.frames()
	if n < 0 || n >= len(f) {
		return nil
	}
	return f[len(f)-1-n]
}

// FrameDepth is how many subroutines the channel is in.
func (c *Channel) FrameDepth() int { return len(c.frames()) }

// PopFrame leaves the subroutine: local variables get back the values they had
// before. It returns nil if the channel is in none.
func (c *Channel) PopFrame() *Frame {
	frames := c.frames()
	if len(frames) == 0 {
		return nil
	}
	f := frames[len(frames)-1]
	if len(frames) == 1 {
		c.SetExtra(framesKey{}, nil)
	} else {
		frames[len(frames)-1] = nil
		c.SetExtra(framesKey{}, frames[:len(frames)-1])
	}
	for i := len(f.shadowed) - 1; i >= 0; i-- {
		s := f.shadowed[i]
		c.UnsetVar(s.plain)
		if s.set {
			c.vars[s.key] = s.value
		}
	}
	return f
}

// SetLocal assigns a variable that PopFrame restores. It reports false outside
// a subroutine.
func (c *Channel) SetLocal(name, value string) bool {
	f := c.TopFrame()
	if f == nil {
		return false
	}
	plain := plainName(name)
	known := false
	for _, s := range f.shadowed {
		known = known || s.plain == plain
	}
	if !known {
		s := shadow{plain: plain}
		for _, prefix := range [...]string{"", "_", "__"} {
			if v, ok := c.vars[prefix+plain]; ok {
				s.key, s.value, s.set = prefix+plain, v, true
			}
		}
		f.shadowed = append(f.shadowed, s)
	}
	c.SetVar(name, value)
	return true
}

// IsLocal reports whether name is local to the subroutine n levels below the top.
func (c *Channel) IsLocal(name string, n int) bool {
	f := c.FrameAt(n)
	if f == nil {
		return false
	}
	for _, s := range f.shadowed {
		if s.plain == name {
			return true
		}
	}
	return false
}

// LocalAt gives the nth value a variable has on the stack, as LOCAL_PEEK
// counts: 0 is the present one, 1 the value it hides, and so on.
func (c *Channel) LocalAt(n int, name string) (string, bool) {
	if n == 0 {
		return c.Var(name)
	}
	frames := c.frames()
	for i := len(frames) - 1; i >= 0; i-- {
		for _, s := range frames[i].shadowed {
			if s.plain != name || !s.set {
				continue
			}
			if n--; n == 0 {
				return s.value, true
			}
		}
	}
	return "", false
}
