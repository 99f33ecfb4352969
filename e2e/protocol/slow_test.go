package protocol

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/model"
)

// A client that sends its body a byte at a time is ended on every transport, with a valid token and without.
func TestSlowSendersAreEnded(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{HTTP: config.HTTP{ClientTimeout: config.Duration(500 * time.Millisecond)}})
	for _, token := range []string{s.Tokens[model.Manager], "nobody-has-this-token"} {
		for name, headers := range map[string]string{
			"JSON":               "Content-Type: application/json\r\nContent-Length: 100000\r\n",
			"JSON in chunks":     "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
			"server-sent events": "Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: 100000\r\n",
			"a file":             "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n",
		} {
			t.Run(fmt.Sprintf("%s, known: %t", name, token == s.Tokens[model.Manager]), func(t *testing.T) {
				t.Parallel()
				conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: closeloop\r\nAuthorization: Bearer %s\r\n%s\r\n", token, headers)
				piece := " "
				if strings.Contains(headers, "chunked") {
					piece = "1\r\n \r\n"
				}
				began := time.Now()
				for _, err = io.WriteString(conn, piece); err == nil; _, err = io.WriteString(conn, piece) {
					if time.Since(began) > setup.Patience {
						t.Fatal("the server lets the sender go on")
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	}
}

func TestSlowSendersAreTold(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{HTTP: config.HTTP{ClientTimeout: config.Duration(500 * time.Millisecond)}})
	for name, request := range map[string]string{
		"JSON":                     "Content-Type: application/json\r\n\r\n{",
		"a form before its parts":  "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x",
		"a form within a part":     "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name=operations\r\n\r\n{",
		"a form with a wrong part": "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name=operations; filename=\"a\x00b\"\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := beginPost(t, s, s.Tokens[model.Manager], "Content-Length: 1000\r\n"+request)
			text, err := io.ReadAll(answer.Body)
			want := "took too long"
			if name == "a form with a wrong part" {
				want = "the header of a part of the form is not well-formed"
			}
			if err != nil || answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), want) {
				t.Errorf("status %d, %v: %s", answer.StatusCode, err, text)
			}
		})
	}
}
