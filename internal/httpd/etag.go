package httpd

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
)

// tagOf is the entity tag of an answer (RFC 9110, section 8.8.3). It is a weak one: answers with the same data have the same
// tag, while their charges differ.
func tagOf(media string, data []byte) string {
	h := sha256.New()
	_, _ = io.WriteString(h, media+"\x00") // a hash takes all
	_, _ = h.Write(data)
	return `W/"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]) + `"`
}

// matches reports whether the header If-None-Match has the tag, by weak comparison (RFC 9110, section 13.1.2). Our own tags
// have no comma.
func matches(ifNoneMatch []string, tag string) bool {
	strong := strings.TrimPrefix(tag, "W/")
	for part := range strings.SplitSeq(strings.Join(ifNoneMatch, ","), ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == strong {
			return true
		}
	}
	return false
}
