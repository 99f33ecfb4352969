package audit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// hidden begins a mark, which stands for a value that may name a customer.
const hidden = "…"

// marks makes the marks of one entry. Equal values have equal marks, so that the states before and after differ exactly
// where the values do. The key is of this entry alone and is stored nowhere: no guess of a value can be checked by its mark.
type marks struct{ key [32]byte }

func newMarks() (m marks) {
	_, _ = rand.Read(m.key[:]) // never fails, by its documentation
	return m
}

func (m marks) of(value string) string {
	h := hmac.New(sha256.New, m.key[:])
	h.Write([]byte(value))
	return hidden + hex.EncodeToString(h.Sum(nil)[:4])
}

// hide replaces the values of a condition by marks and keeps its operators.
func (m marks) hide(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = m.hide(v[name])
		}
		return v
	case []any:
		for i := range v {
			v[i] = m.hide(v[i])
		}
		return v
	case bool, nil:
		return v
	case string:
		return m.of(v)
	case json.Number:
		return m.of(v.String())
	}
	return hidden
}
