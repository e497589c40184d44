package office

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// storeFunctions reach the persistent database.
func (d Deps) storeFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "DB", Synopsis: "A value of the database", Syntax: "DB(family/key)",
			Read: d.dbRead, Write: d.dbWrite},
		{Name: "DB_EXISTS", Synopsis: "1 if the database has a key", Syntax: "DB_EXISTS(family/key)", Read: d.dbExists},
		{Name: "DB_DELETE", Synopsis: "Gives and removes a value of the database", Syntax: "DB_DELETE(family/key)", Read: d.dbDelete,
			Write: func(ctx context.Context, c *channel.Channel, args, _ string) error {
				_, err := d.dbDelete(ctx, c, args)
				return err
			}},
		{Name: "DB_KEYS", Synopsis: "The keys below a prefix of the database", Syntax: "DB_KEYS([prefix])", Read: form.OfText(d.dbKeys)},
		{Name: "BLACKLIST", Synopsis: "1 if the caller's number is in the database family blacklist", Syntax: "BLACKLIST()",
			Read: form.OnChannel(d.blacklist)},
		{Name: "DB_KEYCOUNT", Synopsis: "How many entries are below a prefix of the database", Syntax: "DB_KEYCOUNT(prefix)", Read: form.OfText(d.dbCount)},
	}
}

// path cuts family/key; the key is everything after the first slash.
func (d Deps) path(args string) (family, key string, err error) {
	if d.Store == nil {
		return "", "", form.ErrNoPart
	}
	family, key, found := strings.Cut(strings.TrimSpace(args), "/")
	if !found || family == "" || key == "" {
		return "", "", errors.New("wants family/key")
	}
	return family, key, nil
}

func (d Deps) dbRead(_ context.Context, _ *channel.Channel, args string) (string, error) {
	family, key, err := d.path(args)
	if err != nil {
		return "", err
	}
	v, _ := d.Store.Get(family, key)
	return v, nil
}

func (d Deps) dbWrite(_ context.Context, _ *channel.Channel, args, value string) error {
	family, key, err := d.path(args)
	if err != nil {
		return err
	}
	return d.Store.Put(family, key, value)
}

// result sets DB_RESULT, which DB_EXISTS and DB_DELETE leave behind.
func (d Deps) result(ctx context.Context, c *channel.Channel, value string) error {
	if c == nil {
		return nil
	}
	return d.System.Assign(ctx, c, "DB_RESULT", value)
}

func (d Deps) dbExists(ctx context.Context, c *channel.Channel, args string) (string, error) {
	family, key, err := d.path(args)
	if err != nil {
		return "", err
	}
	v, ok := d.Store.Get(family, key)
	if !ok {
		return "0", nil
	}
	return "1", d.result(ctx, c, v)
}

func (d Deps) dbDelete(ctx context.Context, c *channel.Channel, args string) (string, error) {
	family, key, err := d.path(args)
	if err != nil {
		return "", err
	}
	v, ok := d.Store.Get(family, key)
	if !ok {
		return "", nil
	}
	if _, err := d.Store.Del(family, key); err != nil {
		return "", err
	}
	return v, d.result(ctx, c, v)
}

// below gives the entries' names under a prefix, without it.
func (d Deps) below(prefix string) ([]string, error) {
	if d.Store == nil {
		return nil, form.ErrNoPart
	}
	top := strings.Trim(strings.TrimSpace(prefix), "/")
	if top != "" {
		top = "/" + top
	}
	var names []string
	for _, e := range d.Store.List(top) {
		if rest, ok := strings.CutPrefix(e.Name, top+"/"); ok {
			names = append(names, rest)
		}
	}
	return names, nil
}

func (d Deps) dbKeys(prefix string) (string, error) {
	names, err := d.below(prefix)
	for i, n := range names {
		names[i], _, _ = strings.Cut(n, "/")
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ","), err
}

func (d Deps) dbCount(prefix string) (string, error) {
	names, err := d.below(prefix)
	return strconv.Itoa(len(names)), err
}

func (d Deps) blacklist(c *channel.Channel, _ string) (string, error) {
	if d.Store == nil {
		return "", form.ErrNoPart
	}
	if c.Caller.Number == "" {
		return "0", nil
	}
	_, listed := d.Store.Get("blacklist", c.Caller.Number)
	return form.Truth(listed), nil
}
