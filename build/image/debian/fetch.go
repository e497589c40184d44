package debian

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Fetch brings the packages that the directory cache lacks, and names those that the
// mirrors this machine uses no longer have. No index is needed for that: a lock file
// says where a package lies, and its sum.
func Fetch(lock []Package, cache string) (gone []string, err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	var missing []Package
	for _, l := range lock {
		if verify(filepath.Join(cache, l.File), l) != nil {
			missing = append(missing, l)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	at, err := mirrors()
	if err != nil {
		return nil, err
	}
	return download(missing, at, cache)
}

// attempts is how often a download is tried as a whole; apt repeats a single one
// besides.
const attempts = 3

// download brings packages into the directory cache, and names those that the mirrors
// no longer have. Whatever else keeps one away is an error.
func download(all []Package, mirrors map[string]string, cache string) (gone []string, err error) {
	// Another build may be filling the same cache.
	dir, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for try := 1; ; try++ {
		args := []string{"-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=root", "download-file"}
		for _, l := range all {
			archive, rest, _ := strings.Cut(l.Path, "/")
			args = append(args, mirrors[archive]+rest, filepath.Join(dir, l.File), "SHA256:"+l.SHA256)
		}
		c := exec.Command("/usr/lib/apt/apt-helper", args...)
		c.Env = append(os.Environ(), "LC_ALL=C")
		out, failed := c.CombinedOutput()
		var kept []Package
		for _, l := range all {
			from := filepath.Join(dir, l.File)
			switch err := verify(from, l); {
			case err == nil:
				if err := os.Rename(from, filepath.Join(cache, l.File)); err != nil {
					return nil, err
				}
			case notFound(string(out), l):
				gone = append(gone, l.Name+" "+l.Version)
			default:
				kept = append(kept, l)
			}
		}
		if kept == nil {
			return gone, nil
		}
		if try == attempts {
			return nil, fmt.Errorf("download: %w", errors.Join(failed, errors.New(strings.TrimSpace(string(out)))))
		}
		all = kept
	}
}

// notFound tells whether a mirror has said that there is no such file.
func notFound(out string, l Package) bool {
	return regexp.MustCompile(`(?m)^E: Failed to fetch \S*/` + regexp.QuoteMeta(path.Base(l.Path)) + `\s+404\s`).MatchString(out)
}

// mirrors are the addresses of Debian's archives, by name, that this machine uses
// anyway.
func mirrors() (map[string]string, error) {
	out, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)").Output()
	if err != nil {
		return nil, fmt.Errorf("apt-get indextargets: %w", err)
	}
	at := map[string]string{}
	for _, uri := range strings.Fields(string(out)) {
		at[path.Base(strings.TrimSuffix(uri, "/"))] = strings.TrimSuffix(uri, "/") + "/"
	}
	if at["debian"] == "" || at["debian-security"] == "" {
		return nil, errors.New("this machine knows no Debian mirror: run apt-get update")
	}
	return at, nil
}

// verify checks a file against its lock line.
func verify(file string, l Package) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != l.Size || got != l.SHA256 {
		return fmt.Errorf("%s: sha256 %s, Package is %s", file, got, l.SHA256)
	}
	return nil
}
