package wish

import (
	"regexp"
	"strings"
	"testing"
)

// TestSample holds the sample to what is read: with everything switched on there is
// nothing to complain of, and no key is missing.
func TestSample(t *testing.T) {
	if w, complaints := Read([]byte(Sample()), Surroundings{}); len(complaints) > 0 || w.Phones != Default().Phones || w.Trunk.Host != "" {
		t.Error("as it is:", complaints, w)
	}
	on := regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAllString(Sample(), "$1")
	w, complaints := Read([]byte(on), Surroundings{})
	if len(complaints) > 0 || w.Trunk.Host == "" || w.Line.Kind != "modem" {
		t.Error(complaints, w)
	}
	for _, key := range Keys() {
		if !strings.Contains(strings.ReplaceAll(Sample(), " ", ""), "#"+strings.TrimSuffix(strings.ReplaceAll(key, " ", ""), "(aname)")) {
			t.Errorf("%s is missing", key)
		}
	}
}
