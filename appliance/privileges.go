package appliance

import (
	"fmt"
	"os/user"
	"strconv"
)

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
