package notify

import (
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"
)

type part struct{ kind, body string }

// partsOf decodes a multipart/alternative mail, of which each part must be UTF-8.
func partsOf(t *testing.T, m *netmail.Message) []part {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the mail is %q (%v), not multipart/alternative", kind, err)
	}
	var parts []part
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart() // decodes quoted-printable
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || !strings.EqualFold(params["charset"], "UTF-8") {
			t.Fatalf("a part is %q, %v (%v), not UTF-8", kind, params, err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{kind, strings.ReplaceAll(string(body), "\r\n", "\n")})
	}
}

// decoded returns a header as a mail program shows it.
func decoded(t *testing.T, header string) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
