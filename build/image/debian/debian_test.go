package debian

import (
	"slices"
	"strings"
	"testing"
)

func TestBadLockLines(t *testing.T) {
	for _, bad := range []string{"root a 1 a_1_all.deb 12 " + strings.Repeat("0", 64), "root a 1 a_1_all.deb x " + strings.Repeat("0", 64) + " p", "root a 1 ../a_1_all.deb 1 " + strings.Repeat("0", 64) + " p"} {
		if _, err := parseLock("x.lock", []byte("# c\n"+bad)); err == nil || !strings.HasPrefix(err.Error(), "x.lock:2: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAptsLines(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	got, err := parseURIs("Reading...\n'http://m/debian/pool/main/g/libc6_2.41-12%2bdeb13u4_amd64.deb' libc6_2.41-12+deb13u4_amd64.deb 77 SHA256:" + sum + "\n" +
		"'http://m/x/debian-security/pool/updates/main/u/mount_2.41-5_amd64.deb' mount_1%3a2.41-5_amd64.deb 78 SHA256:" + sum + "\n")
	want := []Package{
		{Name: "libc6", Version: "2.41-12+deb13u4", File: "libc6_2.41-12+deb13u4_amd64.deb", Size: 77, SHA256: sum, Path: "debian/pool/main/g/libc6_2.41-12%2bdeb13u4_amd64.deb"},
		{Name: "mount", Version: "1:2.41-5", File: "mount_1%3a2.41-5_amd64.deb", Size: 78, SHA256: sum, Path: "debian-security/pool/updates/main/u/mount_2.41-5_amd64.deb"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"'http://m/mount_2.41-5_amd64.deb' mount_2.41-5_amd64.deb 78 SHA256:" + sum, "'x' y 1 MD5Sum:0", "'x' y_1_all.deb z SHA256:" + sum, "'x' y"} {
		if _, err := parseURIs(bad); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}
