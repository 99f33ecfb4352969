package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	t.Parallel()
	t.Run("accepts messages of the protocol", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			`{"type":"connection_init"}`,
			`{"type":"connection_init","payload":null}`,
			` { "type" : "connection_init" , "payload" : { } , "more" : 1 } `,
			`{"type":"ping","payload":{"a":[1]}}`,
			`{"type":"pong"}`,
			`{"type":"complete","id":"1"}`,
			`{"type":"subscribe","id":"1","payload":{"query":""}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":null,"variables":null,"extensions":null}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"a":"\uD83D\ude00 \\uD800 \ufffd \": {","query":[{"a":1,"b":{}}]}}}`,
			`{"type":"subscribe","id":"1","payload":{"documentId":"a","id":"a"}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"a":["b","b",":"],"b":{"a":"b"},"c":[{"a":"\":a"},{"a":"{\"a\":1,\"a\":2}"}]}}}`,
			`{"type":"subscribe","id":"ü","payload":{"query":"{a}","operationName":"A","variables":{"a":null},"extensions":{}}}`,
		} {
			if _, err := TransportWS().Parse([]byte(text)); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})

	t.Run("refuses messages outside the protocol", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			``, `null`, `[]`, `"ping"`, `{}`, `{"type":null}`, `{"type":7}`, `{"Type":"ping"}`, `{"type":"ping"}{}`,
			`{"type":"connection_init","payload":"x"}`,
			`{"type":"ping","payload":[]}`,
			`{"type":"connection_ack"}`,
			`{"type":"connection_terminate"}`,
			`{"type":"complete"}`,
			`{"type":"complete","id":"1","id":"2"}`,
			`{"type":"complete","id":""}`,
			`{"type":"complete","id":1}`,
			`{"type":"subscribe","id":"1"}`,
			`{"type":"subscribe","id":"1","payload":null}`,
			`{"type":"subscribe","id":"1","payload":"{a}"}`,
			`{"type":"subscribe","id":"1","payload":{"query":null}}`,
			`{"type":"subscribe","id":"1","payload":{"Query":"{a}"}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":1}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","extensions":"x"}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","query":"{b}"}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"a":"\uD800"}}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"a":"\\\uDC00\uD800"}}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"a":"\ud83dx\ude00"}}}`,
			`{"type":"subscribe","id":"1","payload":{"documentId":"a","id":"b"}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"a":[{"b":1,"c":2},{"b":1,"b":2}]}}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"a":{"b" : 1 , "\u0062" : 2}}}}`,
			`{"type":"subscribe","id":"1","payload":{"query":"{a}","extensions":{"cost":{"dryRun":true,"dryRun":false}}}}`,
			`{"type":"subscribe","id":"\ud800","payload":{"query":"{a}"}}`,
		} {
			if m, err := TransportWS().Parse([]byte(text)); err == nil {
				t.Errorf("%s was parsed as %+v", text, m)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"n":1e999}}}`))
	f.Add([]byte(`{"type":"` + strings.Repeat("é", 100) + `"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := TransportWS().Parse(text)
		if err != nil {
			b := BadRequest(err.Error()).payload()
			if len(b) > 125 || !utf8.Valid(b[2:]) {
				t.Fatalf("close frame of %d bytes: %q", len(b), b)
			}
			return
		}
		if m.Kind == TypeSubscribe && (m.ID == "" || m.Params == nil) {
			t.Fatalf("%q was parsed as %+v", text, m)
		}
	})
}
