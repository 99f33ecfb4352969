package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// object is a JSON object whose members are still encoded. Unlike a struct, it distinguishes a missing member from
// null, and "Type" from "type".
type object map[string]json.RawMessage

// present reports whether a member exists and is not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// objectOf returns the members of a text that is one JSON object and nothing else.
func objectOf(text []byte) (o object, ok bool) {
	ok = len(text) > 0 && text[0] == '{' && json.Unmarshal(text, &o) == nil
	return o, ok
}

// isString reports whether a member, which is valid JSON, is a string, and decodes it.
func isString(raw json.RawMessage, into *string) bool {
	if len(raw) < 2 || raw[0] != '"' {
		return false
	}
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) { // most of a long document; it is as it stands there
		*into = string(raw[1 : len(raw)-1])
		return true
	}
	return json.Unmarshal(raw, into) == nil
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

// hasMemberTwice reports whether an object of a valid JSON text, at any depth, has a member whose name is there twice: of
// these, decoding keeps the last one only, and whoever wrote the first one meant it too.
func hasMemberTwice(text []byte) bool {
	var around []map[string]bool // the names of the objects around; nil for a list
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			around = append(around, map[string]bool{})
		case '[':
			around = append(around, nil)
		case '}', ']':
			around = around[:len(around)-1]
		case '"':
			begin := i
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if after := bytes.TrimLeft(text[i+1:], " \t\r\n"); len(after) == 0 || after[0] != ':' {
				continue // a value
			}
			var name string
			if names := around[len(around)-1]; isString(text[begin:i+1], &name) {
				if names[name] {
					return true
				}
				names[name] = true
			}
		}
	}
	return false
}

// LoneSurrogate says what HasLoneSurrogate has found.
const LoneSurrogate = `the escapes \uD800 to \uDFFF come in pairs, a high one before a low one`

// HasLoneSurrogate reports whether a text with escapes, valid JSON or a string of GraphQL, has an escape for half of a
// character. Decoders replace it with U+FFFD, so that the text would not be stored as it was sent.
func HasLoneSurrogate(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 >= len(text) {
			return false
		}
		text = text[at:]
		unit := escaped(text)
		switch {
		case unit < 0xD800 || unit > 0xDFFF:
			text = text[2:]
		case unit < 0xDC00 && low(escaped(text[6:])):
			text = text[12:]
		default:
			return true
		}
	}
}

func low(unit uint64) bool { return unit >= 0xDC00 && unit <= 0xDFFF }

// escaped returns the UTF-16 code unit of the escape \uXXXX with which a text begins; 0 where it begins with none.
func escaped(text []byte) uint64 {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return unit
}
