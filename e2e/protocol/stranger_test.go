package protocol

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
)

// A request without a valid token is answered before its body has come, on every transport.
func TestSignInComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	for name, headers := range map[string]string{
		"JSON":               "Content-Type: application/json\r\n",
		"server-sent events": "Content-Type: application/json\r\nAccept: text/event-stream\r\n",
		"a file":             "Content-Type: multipart/form-data; boundary=x\r\n",
	} {
		for _, body := range []string{"Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"} {
			t.Run(name+", "+strings.TrimSpace(body), func(t *testing.T) {
				t.Parallel()
				answer := beginPost(t, s, "nobody-has-this-token", headers+body+"\r\n")
				if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("status %d, headers %v", answer.StatusCode, answer.Header)
				}
			})
		}
	}
}

// beginPost sends the beginning of a POST, which further headers begin, and returns the answer that comes before the rest.
func beginPost(t *testing.T, s *setup.Server, token, beginning string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(setup.Patience))
	fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: closeloop\r\nAuthorization: Bearer %s\r\n%s", token, beginning)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}
