package wire

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose members are still encoded. Unlike a struct, it distinguishes a missing member from
// null, and "Type" from "type".
type object map[string]json.RawMessage

// present reports whether a member exists and is not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

func isString(raw json.RawMessage, into *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, into) == nil
}

// isObject reports whether a member is an object, null or missing, and decodes it where into is not nil. Numbers keep
// their digits: as a float64, an Int or an id would lose some.
func isObject(raw json.RawMessage, into any) bool {
	if !present(raw) {
		return true
	}
	if raw[0] != '{' || into == nil {
		return raw[0] == '{'
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into) == nil
}
