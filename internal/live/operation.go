package live

import "github.com/closeloop/closeloop/internal/live/conn"

// operation is an operation that the client asked for. A goroutine of its own executes it, or, once it has joined a
// group, the goroutine of the group.
type operation struct {
	conn.Operation
	connection  *connection
	writerIndex int    // index of the server's writer, and of the group's shard, that the operation belongs to
	group       *group // guarded by groups.mu
}

// fallBehind takes the operation out of its group, because its peer has not taken what was queued. The operation reads on
// by itself from its position, at its peer's pace, and joins again.
func (op *operation) fallBehind() {
	g := op.connection.server.groups.leave(op)
	if g == nil || !op.Resume() {
		return
	}
	after := op.Position.Cursor
	go op.connection.run(op, g.run.params, &after)
}
