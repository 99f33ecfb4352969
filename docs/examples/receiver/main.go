// Command receiver is an example of a program that receives closeloop's webhooks. It prints each event once.
//
// To try it on one machine, let closeloop post to private addresses, create a webhook, and start the receiver with the
// secret that createWebhook returns:
//
//	CLOSELOOP_WEBHOOK_PRIVATE=yes make run
//	curl -s http://127.0.0.1:8080/graphql -H 'Authorization: Bearer sample-admin-token-of-this-machine' -H 'Content-Type: application/json' \
//	  -d '{"query": "mutation { createWebhook(input: {url: \"http://127.0.0.1:9000\", events: [OPENED, STATUS_CHANGED, CUSTOMER_ERASED]}) { secret } }"}'
//	RECEIVER_SECRET=whsec_… go run ./docs/examples/receiver 127.0.0.1:9000
//
// It does what every receiver has to do: check the signature before anything else, drop repeats by webhook-id, answer
// 2xx only when the event is stored, and forget a customer's data on CUSTOMER_ERASED. A real receiver stores the ids in
// the database of its own data, in the same transaction; this one forgets them when it ends.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: RECEIVER_SECRET=whsec_… receiver HOST:PORT")
	}
	given := os.Getenv("RECEIVER_SECRET")
	secret, err := standardwebhooks.NewWebhook(given)
	if err != nil || len(given) <= len("whsec_") || !strings.HasPrefix(given, "whsec_") { // an empty secret would accept whatever anybody signs
		log.Fatal("RECEIVER_SECRET must be the secret that createWebhook or rotateWebhookSecret returned; it begins with whsec_")
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, &receiver{secret: secret, seen: map[string]bool{}}))
}

type receiver struct {
	secret *standardwebhooks.Webhook
	mu     sync.Mutex
	seen   map[string]bool // by webhook-id
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, 1<<20))
	if err != nil {
		http.Error(w, "the body is longer than 1 MiB", http.StatusRequestEntityTooLarge)
		return
	}
	// The signature is of the bytes that came: JSON that was parsed and written again has other bytes.
	if err := r.secret.Verify(body, request.Header); err != nil {
		http.Error(w, "the signature is missing, too old or not of this secret", http.StatusUnauthorized)
		return
	}
	var event struct {
		Type string `json:"type"`
		Data struct {
			Snapshot struct {
				Number       int    `json:"number"`
				Status       string `json:"status"`
				CustomerName string `json:"customerName"`
			} `json:"snapshot"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, "the body is not JSON", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := request.Header.Get("webhook-id")
	if !r.seen[id] {
		r.seen[id] = true
		s := event.Data.Snapshot
		if event.Type == "CUSTOMER_ERASED" { // a receiver that stores customers deletes this one's data here
			fmt.Printf("case %d: its customer was erased\n", s.Number)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Printf("%s: case %d of %s is %s\n", event.Type, s.Number, s.CustomerName, s.Status)
	}
	w.WriteHeader(http.StatusNoContent) // also for a repeat, or closeloop would send it again
}
