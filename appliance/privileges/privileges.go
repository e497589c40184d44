// Package privileges lets a program that was started by root go on as somebody else.
package privileges

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Drop gives up root for a user and a group, each of which is a name, a number, or ""
// for no change. What lies at the paths is theirs from then on.
func Drop(owner, group string, paths []string) error {
	uid, gid, groups, err := identity(owner, group)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := os.Chown(path, uid, gid); err != nil {
			return err
		}
	}
	if gid >= 0 {
		if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(gid)); err != nil {
			return err
		}
	}
	if uid >= 0 {
		return syscall.Setuid(uid)
	}
	return nil
}

// identity looks up the numbers of a user and a group, each of which may be
// empty or a number itself. A number that stays as it is comes back as -1; the
// group defaults to the user's own, and groups are all the user belongs to.
func identity(owner, group string) (uid, gid int, groups []int, err error) {
	uid, gid = -1, -1
	if owner != "" {
		u, err := user.Lookup(owner)
		if err != nil {
			if u, err = user.LookupId(owner); err != nil {
				return 0, 0, nil, fmt.Errorf("run as user %s: no such user", owner)
			}
		}
		if uid, err = strconv.Atoi(u.Uid); err != nil {
			return 0, 0, nil, err
		}
		if gid, err = strconv.Atoi(u.Gid); err != nil {
			return 0, 0, nil, err
		}
		ids, err := u.GroupIds()
		if err != nil {
			return 0, 0, nil, err
		}
		for _, id := range ids {
			if n, err := strconv.Atoi(id); err == nil {
				groups = append(groups, n)
			}
		}
	}
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			if g, err = user.LookupGroupId(group); err != nil {
				return 0, 0, nil, fmt.Errorf("run as group %s: no such group", group)
			}
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return 0, 0, nil, err
		}
		groups = append(groups, gid)
	}
	return uid, gid, groups, nil
}
