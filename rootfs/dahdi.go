package rootfs

import (
	"embed"
	"io/fs"
)

// DAHDI is the flavour of an image that has the kernel modules of telephone cards.
const DAHDI = "dahdi"

// DAHDIDocuments is where that image says whose work the modules are, under which
// licence, and where their source is.
const DAHDIDocuments = "usr/share/doc/dahdi"

//go:embed all:tree-dahdi
var treeDAHDI embed.FS

// DAHDITree is what lies in the root file system of that flavour besides Tree.
func DAHDITree() fs.FS {
	sub, err := fs.Sub(treeDAHDI, "tree-dahdi")
	if err != nil {
		panic(err) // the name is right, or nothing is
	}
	return sub
}

// DAHDILinks are its symbolic links besides Links.
func DAHDILinks() []Link {
	return []Link{
		{"etc/systemd/system/branchline.service.wants/branchline-dahdi.service", "../branchline-dahdi.service"},
		// The place where DAHDI's own programs read system.conf.
		{"etc/dahdi", "asterisk"},
	}
}
