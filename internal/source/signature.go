package source

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/closeloop/closeloop/model"
)

// scheme is how a tool signs: with the HMAC-SHA256 of the body, in a header, after a prefix that may be missing.
type scheme struct {
	header string
	decode func(string) ([]byte, error)
}

const signaturePrefix = "sha256="

// schemes has the tools that sign.
//   - Typeform: "Secure your webhooks", https://www.typeform.com/developers/webhooks/secure-your-webhooks/
//   - Delighted: "Webhooks", https://app.delighted.com/docs/api/webhooks; the secret is the API key
var schemes = map[model.SourceTool]scheme{
	model.Typeform:  {"Typeform-Signature", base64.StdEncoding.DecodeString},
	model.Delighted: {"X-Delighted-Webhook-Signature", hex.DecodeString},
}

// HasSignature reports whether a request has the header of the tool's signature.
func (s *Source) HasSignature(h http.Header) bool { return h.Get(schemes[s.Tool].header) != "" }

// Verify reports whether the body is signed with the source's secret. A source without one takes every body.
func (s *Source) Verify(h http.Header, body []byte) bool {
	if s.Secret == nil {
		return true
	}
	scheme, signs := schemes[s.Tool]
	if !signs || len(h.Values(scheme.header)) != 1 {
		return false
	}
	given, err := scheme.decode(strings.TrimPrefix(h.Get(scheme.header), signaturePrefix))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(*s.Secret))
	mac.Write(body) // a hash takes all
	return hmac.Equal(given, mac.Sum(nil))
}
