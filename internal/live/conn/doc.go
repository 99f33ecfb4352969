// Package conn moves the bytes of one socket: a WebSocket, or a stream of server-sent events.
//
// It owns a socket's reader, writer and queue, its heartbeat, the end of its session, and the ids of the operations that
// are active on it. It refuses to know what an operation is: package live executes operations and hands over messages
// that are already encoded.
//
// One goroutine reads each socket. Every other goroutine that has a message writes it directly, without waiting. Only
// what the peer does not take at once goes into the socket's queue, and a goroutine that lives as long as that queue is
// not empty writes it. Heartbeat and Sessions need one goroutine each for all sockets.
//
// Locks: operations.mu is taken under a Socket's lock, and never the other way round. Sessions and Heartbeat
// hold their locks for no call to a socket.
package conn
