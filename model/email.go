package model

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const emailMax = 254 // bytes; RFC 5321 with erratum 1690

// ParseEmailAddress reads an e-mail address as people and programs write it, and returns it in one form: without spaces,
// no-break spaces and characters that cannot be seen; without mailto:, a name ("Ann <ann@example.com>") and a point at the end;
// and with the domain as people read it, jo@käse.example also for jo@xn--kse-qla.example. The case of letters stays, because
// addresses are compared without it. further is what follows a first address behind a semicolon, a comma or a line end.
func ParseEmailAddress(s string) (address, further string, err error) {
	given := s
	s = strings.TrimSpace(s)
	s, further = firstAddress(s)
	if at := strings.LastIndexByte(s, '<'); at >= 0 && strings.HasSuffix(s, ">") && !strings.HasSuffix(s[:at], "\\") {
		s = s[at+1 : len(s)-1]
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s, _, _ = strings.Cut(s[7:], "?") // RFC 6068: a subject can follow
	}
	s = strings.TrimSuffix(withoutInvisible(s), ".")
	at := strings.LastIndexByte(s, '@')
	if at < 0 || !utf8.ValidString(given) {
		return "", "", scalarErrorf("%q is not an e-mail address", shorten(given))
	}
	s = s[:at+1] + readableDomain(s[at+1:])
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s && !quotedLocal(a, s) || a.Name != "" || len(s) > emailMax || strings.ContainsAny(s, "\x00\r\n") {
		return "", "", scalarErrorf("%q is not an e-mail address", shorten(given))
	}
	return s, further, nil
}

// quotedLocal reports whether the address is s with quotation marks around its local part, which net/mail leaves out of Address.
func quotedLocal(a *mail.Address, s string) bool { return s[0] == '"' && a.String() == "<"+s+">" }

// firstAddress cuts a list of addresses behind the first one. A comma or semicolon within quotation marks or brackets separates
// nothing.
func firstAddress(s string) (first, further string) {
	quoted, angle := false, false
	for i, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '<':
			angle = true
		case r == '>':
			angle = false
		case !angle && (r == ';' || r == ',' || r == '\n') && strings.ContainsRune(s[:i], '@'):
			return strings.TrimSpace(s[:i]), strings.Trim(s[i+utf8.RuneLen(r):], " ;,\r\n\t")
		}
	}
	return s, ""
}

// withoutInvisible removes what is not seen and belongs to no address. A plain space stays within quotation marks, and elsewhere
// makes the address wrong.
func withoutInvisible(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0', r == '\u202f', r == '\u2007', r == '\u3000', unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s))
}

// readableDomain writes a domain with letters of other scripts in one form, as Unicode (RFC 5891). All others stay as they are.
func readableDomain(domain string) string {
	lower := strings.ToLower(domain)
	plain := !strings.Contains(lower, "xn--")
	for i := range len(domain) {
		plain = plain && domain[i] < utf8.RuneSelf
	}
	if plain {
		return domain
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return domain
	}
	readable, err := idna.ToUnicode(ascii)
	if err != nil {
		return domain
	}
	return readable
}
