package dialplan

// CallerOf is the caller match of an extension, as written.
func CallerOf(v ExtensionView) string { return v.x.caller.text }
