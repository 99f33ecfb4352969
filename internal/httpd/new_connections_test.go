package httpd

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestNewConnections(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	s.Config.ConnState = limitNewConnections(3)
	s.Start()
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{}}
	get := func() {
		t.Helper()
		answer, err := client.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	get() // this connection stays open, and is not new any more
	var silent []net.Conn
	for range 4 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n") // half a header
		silent = append(silent, conn)
	}
	_ = silent[0].SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := silent[0].Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the oldest silent connection is open: %d bytes, %v", n, err)
	}
	for i, conn := range silent[1:] {
		if _, err := io.WriteString(conn, "Content-Length: 0\r\n\r\n"); err != nil {
			t.Errorf("connection %d: %v", i+1, err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Errorf("connection %d: %v", i+1, err)
		}
	}
	get()
}
