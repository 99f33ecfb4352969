package live

import "github.com/closeloop/closeloop/internal/live/conn"

// operation is one that the client asked for. It is executed by a goroutine of its own, or, once it has joined a
// group, by that.
type operation struct {
	conn.Operation
	connection *connection
	writer     int    // which of the server's writers, and so which of the group's shards, it belongs to
	group      *group // guarded by groups.mu
}

// fallBehind takes the operation out of its group: its peer has not taken what was queued. It reads on by itself from
// the place that it has got to, at its peer's pace, and joins again.
func (op *operation) fallBehind() {
	g := op.connection.server.groups.leave(op)
	if g == nil || !op.Resume() {
		return
	}
	after := op.Position.Cursor
	go op.connection.run(op, g.run.params, &after)
}
