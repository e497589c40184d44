package phones

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestSheetSVG(t *testing.T) {
	s := Sheet{Host: "192.168.1.9", Notes: []string{"a & b"}}
	for i := range 20 {
		s.Phones = append(s.Phones, Phone{fmt.Sprint(1001 + i), "Tom & <Jerry>, and a name that is long", strings.Repeat("k", secretLength)})
	}
	drawing, err := s.SVG()
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(drawing)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(drawing, "<path"); n != 20 {
		t.Errorf("%d codes", n)
	}
	if want := "sip:1001:kkkkkkkkkkkkkkkkkkkk@192.168.1.9;transport=udp"; s.URI(s.Phones[0]) != want {
		t.Error(s.URI(s.Phones[0]))
	}
}
