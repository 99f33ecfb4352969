package wire

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Bearer finds a caller's token in the payload of connection_init, as {"Authorization": "Bearer …"} or {"token": "…"}
// with keys in any case, because a browser cannot set headers here; else in the Authorization header of the upgrade
// request (RFC 6750, section 2.1). The payload takes precedence, even where it holds no token.
func Bearer(authorization string, payload json.RawMessage) (token string, ok bool) {
	var o object
	if !isObject(payload, &o) {
		return "", false
	}
	if raw := member(o, "authorization"); raw != nil {
		if !isString(raw, &authorization) {
			return "", false
		}
	} else if raw := member(o, "token"); raw != nil {
		return token, isString(raw, &token)
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// member returns a member whatever its key's case; nil where it is missing, null or an empty string, which clients
// without a token send.
func member(o object, name string) json.RawMessage {
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if raw := o[key]; strings.EqualFold(key, name) && present(raw) && string(raw) != `""` {
			return raw
		}
	}
	return nil
}
