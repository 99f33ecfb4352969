package logline

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const hidden = "…"

// secrets are the forms of tokens, of webhooks' secrets and of passwords in addresses; addresses are e-mail addresses.
var (
	secrets   = regexp.MustCompile(`(closeloop_|whsec_|(?i:bearer) +)[A-Za-z0-9_\-.~+/=]+|//[^/\s@]*:[^/\s@]*@`)
	addresses = regexp.MustCompile(`[^\s<>"'(),:;=]+@[^\s<>"'(),:;=]+`)
)

// quotes are the signs between which a text quotes something, opening and closing.
var quotes = map[rune]rune{'"': '"', '\'': '\'', '`': '`', '“': '”', '‘': '’', '«': '»'}

// mask hides what a text quotes, and what has the form of a secret or of an e-mail address. From the first sign of a
// quotation everything up to the last one is hidden, because what is quoted may have such signs itself.
func mask(s string) string {
	s = secrets.ReplaceAllString(s, hidden)
	s = addresses.ReplaceAllString(s, hidden)
	for i, r := range s {
		closing, opens := quotes[r]
		if !opens || apostrophe(s, i, r) {
			continue
		}
		rest := i + utf8.RuneLen(r)
		end := strings.LastIndex(s[rest:], string(closing))
		if end < 0 { // the text was cut within the quotation
			return s[:rest] + hidden
		}
		end += rest
		return s[:rest] + hidden + string(closing) + mask(s[end+utf8.RuneLen(closing):])
	}
	return s
}

// apostrophe reports whether the sign at i stands within a word, as in "can't".
func apostrophe(s string, i int, r rune) bool {
	if r != '\'' {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+1:])
	return unicode.IsLetter(before) && unicode.IsLetter(after)
}

// message masks the text of a line. net/http writes the value of a handler's panic in front of its stack.
func message(s string) string {
	if rest, ok := strings.CutPrefix(s, "http: panic serving "); ok {
		address, _, _ := strings.Cut(rest, ": ")
		_, stack, _ := strings.Cut(rest, "\ngoroutine ")
		return "http: panic serving " + address + "\ngoroutine " + stack
	}
	return mask(s)
}
