package protocol

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// An address that keeps sending wrong tokens waits on every transport; valid tokens from it work on.
func TestWrongTokensWait(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	wrong := post(operation(query))
	wrong.authorization = "Bearer nobody-has-this-token"
	for range 20 {
		if a := send(t, s, wrong); a.status != http.StatusUnauthorized && a.status != http.StatusTooManyRequests {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
	}
	stream := wrong
	stream.accept = "text/event-stream"
	for name, r := range map[string]request{"JSON": wrong, "a stream": stream} {
		began, a := time.Now(), send(t, s, r)
		for range 2 { // each second gives one back
			if a.status == http.StatusUnauthorized {
				began, a = time.Now(), send(t, s, r)
			}
		}
		if took := time.Since(began); name == "JSON" && took < 200*time.Millisecond {
			t.Errorf("the refusal came after %v: a loop of them would keep the processors busy", took)
		}
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "1" || !strings.Contains(a.body, `"code":"RATE_LIMITED","retryAfter":1`) || !strings.Contains(a.body, `"message":"too many wrong`) {
			t.Errorf("%s: status %d, headers %v: %s", name, a.status, a.header, a.body)
		}
	}
	waits := false
	for range 3 {
		_, err := s.Connect(nil, vars{"token": "nobody-has-this-token"}).Read()
		waits = waits || websocket.IsCloseError(err, 4510) && strings.Contains(err.Error(), "; retry after ")
	}
	if !waits {
		t.Error("no socket is closed with 4510 and a wait")
	}
	s.SignIn(s.Tokens[model.Partner])
	s.OK(model.Agent, query, nil)
}
