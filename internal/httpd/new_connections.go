package httpd

import (
	"math"
	"net"
	"net/http"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// newConnectionsMax is how many connections may be open that have not sent their first request in whole. Each takes 10 to 20 KB.
const newConnectionsMax = 2000

// LimitNewConnections returns a function for http.Server.ConnState. It bounds the connections that have not sent a request yet: one
// more ends the oldest of them. A client that sends its request at once is never the oldest for long, so that thousands of
// silent connections do not keep others out.
func LimitNewConnections() func(net.Conn, http.ConnState) {
	return limitNewConnections(newConnectionsMax)
}

func limitNewConnections(most int) func(net.Conn, http.ConnState) {
	var mu sync.Mutex
	silent, _ := simplelru.NewLRU[net.Conn, struct{}](math.MaxInt, nil) // the error is for a size below 1
	return func(conn net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state != http.StateNew {
			silent.Remove(conn)
			return
		}
		silent.Add(conn, struct{}{})
		if silent.Len() > most {
			if oldest, _, ok := silent.RemoveOldest(); ok {
				_ = oldest.Close()
			}
		}
	}
}
