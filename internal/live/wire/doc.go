// Package wire defines what a client and the server say to each other over a socket: the client's messages, the
// server's messages, the protocols that encode them, and the reasons why a socket closes.
//
// It owns the bytes: the sub-protocols graphql-transport-ws and graphql-ws, server-sent events, WebSocket frames, and
// the JSON of responses and errors. It refuses to do I/O, to start goroutines and to keep state: every function depends
// on its arguments alone.
//
// In comments, "Protocol" is the GraphQL over WebSocket Protocol:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
package wire
