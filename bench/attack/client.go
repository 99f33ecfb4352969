package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/bench/program"
)

const (
	answered = "answered"
	// patience is how long a client of the attack waits for an answer.
	patience = 60 * time.Second
	readMost = 64 << 20 // bytes of an answer
)

// post sends a request and says what became of it: answered, the first error's code, or a status.
func post(ctx context.Context, client *http.Client, address, token, media string, body []byte) string {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodPost, "http://"+address+"/graphql", bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", media)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	switch {
	case ctx.Err() != nil:
		return "unfinished"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer in %.0f s", patience.Seconds())
	case err != nil:
		return "no connection"
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, readMost))
	if err != nil {
		if ctx.Err() != nil {
			return "unfinished"
		}
		return "answer cut off"
	}
	return outcome(answer.StatusCode, text)
}

// outcome reads an answer.
func outcome(status int, text []byte) string {
	if bytes.HasPrefix(text, []byte(`{"data":`)) { // errors come first; reading all of a long answer would hold up who measures
		return answered
	}
	var decoded struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	switch err := json.Unmarshal(text, &decoded); {
	case err != nil:
		return fmt.Sprintf("status %d", status)
	case len(decoded.Errors) == 0:
		return answered
	case decoded.Errors[0].Extensions.Code == "":
		return decoded.Errors[0].Message
	case decoded.Errors[0].Extensions.Code == "BAD_USER_INPUT":
		return "BAD_USER_INPUT (" + decoded.Errors[0].Message + ")" // mostly a mistake of the attack
	}
	return decoded.Errors[0].Extensions.Code
}

// dial opens a socket that is signed in.
func dial(ctx context.Context, address, token string) *websocket.Conn {
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: patience}
	conn, _, err := d.DialContext(ctx, "ws://"+address+"/graphql", nil)
	check(err)
	check(conn.WriteJSON(program.Vars{"type": "connection_init", "payload": program.Vars{"token": token}}))
	var ack struct{ Type string }
	check(conn.ReadJSON(&ack))
	if ack.Type != "connection_ack" {
		check(fmt.Errorf("the socket's first message is %s", ack.Type))
	}
	return conn
}
