//go:build image

package debian

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// What a mirror has lands in the cache, what it has no longer is named, and a mirror
// in trouble is asked again. With the tag "image", because it takes Debian's apt.
func TestDownload(t *testing.T) {
	packages := map[string]string{"/debian/pool/a/a_1_all.deb": "first", "/debian-security/pool/b/b_1%2b1_all.deb": "second", "/debian/pool/d/d_1_all.deb": "fourth"}
	var torn atomic.Int32
	torn.Store(2) // answers
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := packages[r.URL.EscapedPath()]
		switch {
		case !ok:
			http.NotFound(w, r)
		case strings.Contains(r.URL.Path, "/d_") && torn.Add(-1) >= 0:
			_, _ = w.Write([]byte("half")) // a mirror in the midst of its own update
		default:
			_, _ = w.Write([]byte(text))
		}
	}))
	defer mirror.Close()
	at := map[string]string{"debian": mirror.URL + "/debian/", "debian-security": mirror.URL + "/debian-security/"}
	lock := func(name, text, path string) Package {
		sum := sha256.Sum256([]byte(text))
		return Package{Name: name, Version: "1", File: name + "_1_all.deb", Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Path: path}
	}
	all := []Package{
		lock("a", "first", "debian/pool/a/a_1_all.deb"), lock("b", "second", "debian-security/pool/b/b_1%2b1_all.deb"),
		lock("c", "third", "debian/pool/c/c_1_all.deb"), lock("d", "fourth", "debian/pool/d/d_1_all.deb"),
	}
	cache := t.TempDir()
	gone, err := download(all, at, cache)
	if err != nil || !slices.Equal(gone, []string{"c 1"}) {
		t.Errorf("gone %q, %v", gone, err)
	}
	for _, l := range []Package{all[0], all[1], all[3]} {
		if err := verify(filepath.Join(cache, l.File), l); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "fetch-*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
	// One that is never right is an error, and not gone.
	wrong := lock("a", "other", "debian/pool/a/a_1_all.deb")
	if gone, err := download([]Package{wrong}, at, t.TempDir()); err == nil || gone != nil {
		t.Errorf("a wrong sum: %q %v", gone, err)
	}
	mirror.Close()
	if gone, err := download(all[:1], at, t.TempDir()); err == nil || gone != nil {
		t.Errorf("no mirror: %q %v", gone, err)
	}
}
