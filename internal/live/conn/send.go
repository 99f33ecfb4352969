package conn

import "syscall"

// sender writes as much of text to a connection as the system takes at once, and never waits. What it did not write is
// left to the socket's queue, so a sender that writes nothing is slower, but correct.
type sender interface {
	send(conn syscall.RawConn, text []byte) (n int, err error)
}

// portableSender leaves every write to the socket's queue. Go has no way to write without waiting that works on all
// platforms: a write whose deadline has passed is not tried at all, and any later deadline makes the writer wait for
// its slowest socket.
type portableSender struct{}

func (portableSender) send(syscall.RawConn, []byte) (int, error) { return 0, nil }
