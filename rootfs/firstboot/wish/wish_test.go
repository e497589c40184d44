package wish

import (
	"bytes"
	"strings"
	"testing"

	"branchline/media/tone"
)

const full = "\ufeff# what I want\r\nAddress: 192.168.1.9\r\nnetmask = 255.255.255.0\r\nGateway=192.168.1.1\r\ndns=192.168.1.1 1.1.1.1\r\nNTP=pool.ntp.org\r\n" +
	"Time zone: Asia/Taipei\r\nCountry: TW\r\nlanguage=zh-tw\r\nPhones=4\r\nfirst extension = 201\r\nPhone 202: Front desk\r\n" +
	"trunk_host=sip.example.net\r\nTrunk user=886212345678\r\ntrunk password=\"geheim=1\"\r\ntrunk number=0212345678\r\nline=dahdi\r\noutside prefix=9\r\n"

func TestWishComplaints(t *testing.T) {
	for text, want := range map[string]string{
		"hello":                                   `line 1: this is not of the form "key = value"`,
		"\n\nphnoes=3":                            `line 3: "phnoes" is no key`,
		"phones=0":                                `line 1: "0" is no number from 1 to 99`,
		"phones=3\rphones=4":                      `line 2: phones is set in line 1 already`,
		"address=192.168.1.9":                     `line 1: the address has no length; taken as 192.168.1.9/24`,
		"address=192.168.1.0.9":                   `line 1: "192.168.1.0.9" is neither dhcp nor an address`,
		"gateway=10.0.0.1":                        `line 1: a gateway belongs to a fixed address`,
		"address=10.1.0.9/24\ngateway=10.0.0.1":   `line 2: the gateway 10.0.0.1 is not in the network 10.1.0.0/24`,
		"timezone=Mars/Base":                      `line 1: there is no time zone "Mars/Base"`,
		"timezone=../../etc/passwd":               `line 1: there is no time zone`,
		"country=xx":                              `line 1: the tones of "xx" are not known`,
		"language=fr":                             `line 1: there are no prompts in "fr"`,
		"trunkuser=me":                            `line 1: a trunk needs trunk host`,
		"trunkhost=a b":                           `line 1: the character ' ' cannot be used here`,
		"trunkpassword=a;b":                       `line 1: trunkpassword: the character ';' cannot be used`,
		"line=isdn":                               `line 1: "isdn" is no kind of line`,
		"linechannels=1-99":                       `line 1: "1-99" are no channels`,
		"firstextension=901":                      `line 1: extensions begin with 9, as outside numbers do: dial 0 before`,
		"firstextension=110\ncountry=tw":          `the emergency number 110 is the extension of a phone`,
		"phones=50\nfirstextension=980":           `line 1: extensions must all have the same length: there are 20 phones from 980`,
		"phone 1009=Far":                          `line 1: there is no phone 1009`,
		"phone 1001=a\"b":                         `line 1: a name has at most`,
		"emergency=11x":                           `line 1: "11x" is no emergency number`,
		"\xff\xfep\x00h\x00n\x00=\x001\x00\n\x00": `line 1: "phn" is no key`,
		strings.Repeat("#\n", MaxFile):            `branchline.txt: only the first 64 KiB are read`,
	} {
		zones := Surroundings{HasZone: func(string) bool { return false }}
		w, got := Read([]byte(text), zones)
		if len(got) == 0 || !strings.Contains(got[0].String(), want) {
			t.Errorf("%.40q: %v, want %s", text, got, want)
		}
		if w.Phones < 1 {
			t.Errorf("%.40q: no phones", text)
		}
	}
}

func TestCountriesAreThoseOfTheTones(t *testing.T) {
	for _, z := range tone.Builtin().Zones() {
		if _, ok := countries[z]; !ok && z != "us-old" {
			t.Errorf("%s has tones and no emergency numbers", z)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("\xff\xfea\x00=\x00b\x00"))
	f.Add([]byte("phones=99\nfirst extension=99\nline=mobile\nphone 1001=x\naddress=fe80::1/64\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, _ := Read(data, Surroundings{})
		if w.Phones < 1 || w.Phones > maxPhones {
			t.Fatalf("%d phones", w.Phones)
		}
		if w.Trunk.Password != "" && len(w.Trunk.Password) > 3 && bytes.Contains(Strip(data), []byte("password="+w.Trunk.Password)) {
			t.Error("the password is not taken out")
		}
	})
}
