package source

import (
	"net/http"
	"testing"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/model"
)

func newCustomer() *customer.CustomerInput { return new(customer.CustomerInput) }

func mappingTo(field, path string) []model.SourceMapping {
	return []model.SourceMapping{{Field: field, Path: path}}
}

// The signatures were made by openssl: printf '{"score": 9}' | openssl dgst -sha256 -hmac 'a secret of sixteen' [-binary | base64]
func TestVerify(t *testing.T) {
	t.Parallel()
	const secret, body = "a secret of sixteen", `{"score": 9}`
	const hexed, based = "6b68791bb29e28552cf43172169a7725b39f1f3a80068d3d750b354fac1af6c8", "a2h5G7KeKFUs9DFyFpp3JbOfHzqABo09dQs1T6wa9sg="
	for _, c := range []struct {
		tool          model.SourceTool
		header, value string
		body          string
		want          bool
	}{
		{model.Typeform, "Typeform-Signature", "sha256=" + based, body, true},
		{model.Typeform, "Typeform-Signature", based, body, true},
		{model.Typeform, "Typeform-Signature", "sha256=" + hexed, body, false},
		{model.Typeform, "Typeform-Signature", "sha256=" + based, body + " ", false},
		{model.Typeform, "Typeform-Signature", "sha256=", body, false},
		{model.Typeform, "Typeform-Signature", "sha256=" + based[:20], body, false},
		{model.Typeform, "X-Other", "sha256=" + based, body, false},
		{model.Delighted, "X-Delighted-Webhook-Signature", "sha256=" + hexed, body, true},
		{model.Delighted, "X-Delighted-Webhook-Signature", hexed, body, true},
		{model.Delighted, "X-Delighted-Webhook-Signature", "sha256=" + based, body, false},
		{model.CustomTool, "Typeform-Signature", "sha256=" + based, body, false},
	} {
		key := secret
		s := &Source{Source: model.Source{Tool: c.tool, Secret: &key}}
		h := http.Header{}
		h.Set(c.header, c.value)
		if got := s.Verify(h, []byte(c.body)); got != c.want {
			t.Errorf("%s with %s: %s of %s: %t", c.tool, c.header, c.value, c.body, got)
		}
		h.Add(c.header, c.value)
		if s.Verify(h, []byte(c.body)) {
			t.Errorf("%s takes two signatures", c.tool)
		}
	}
	if !(&Source{}).Verify(http.Header{}, nil) {
		t.Error("a source without a secret demands a signature")
	}
}
