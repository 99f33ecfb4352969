package live

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"testing"

	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
)

// standing is a stream that stays at a position.
type standing struct {
	streamer
	position int64
}

func (s standing) Position() Position { return Position{Offset: s.position} }
func (s standing) Newest() bool       { return true }
func (s standing) Revision() int64    { return 0 }
func (s standing) fetch(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// A busy writer serves a new member only when the group has published, and forgotten, many more messages.
func TestGroupKeepsMessagesForMembersThatJoinedBeforeItForgotThem(t *testing.T) {
	t.Parallel()
	for before := range int64(40) { // whatever room the group's memory has left when somebody joins
		groups := newGroups([]*writer{newWriter(slog.New(slog.DiscardHandler))}) // which is not run
		join := func(position int64) *group {
			one, other := net.Pipe()
			t.Cleanup(func() { _, _ = one.Close(), other.Close() })
			op := &operation{connection: &connection{session: &Session{Key: fmt.Sprintf("at %d", position)}}}
			socket := conn.New(one, nil, wire.EventStream{}, &conn.Options{MaxOperations: 1})
			if err := socket.Begin(&op.Operation, ""); err != nil {
				t.Fatal(err)
			}
			r := &run{stream: standing{position: position}}
			r.ctx, r.cancel = context.WithCancel(context.Background())
			if !groups.join(key{}, op, r) {
				t.Fatal("it has not joined")
			}
			t.Cleanup(func() { groups.leave(op) })
			return op.group
		}
		g := join(0)
		publish := func(from, to int64) {
			for position := from; position <= to; position++ {
				g.publish(&wire.Message{Position: Position{Offset: position}, Data: make([]byte, 1<<10)}, 0)
			}
		}
		publish(1, before+6)
		alone := context.WithValue(g.run.ctx, runKey{}, &run{})
		ctx := context.WithValue(g.run.ctx, runKey{}, g.run)
		if got := Sharers(ctx); !slices.Equal(got, []string{"at 0"}) || !Shared(ctx) || Shared(alone) || Sharers(alone) != nil || Sharers(context.Background()) != nil {
			t.Fatalf("the execution is shared by %v", got)
		}
		join(before)
		want := slices.Compact([]string{"at 0", fmt.Sprintf("at %d", before)})
		if got := slices.Sorted(slices.Values(Sharers(ctx))); !slices.Equal(got, want) {
			t.Fatalf("with another member, the execution is shared by %v, not %v", got, want)
		}
		publish(before+7, before+100)
		if g.base < before+6 {
			t.Fatalf("the group has forgotten only what came up to %d", g.base)
		}
		late := g.shards[0].joining[1]
		if n := len(late.missed); n != 6 {
			t.Fatalf("a member that joined after %d of %d messages gets %d", before, before+6, n)
		}
		for i, e := range late.missed {
			if e == nil || e.Position.Offset != before+1+int64(i) {
				t.Errorf("at position %d is %+v", before+1+int64(i), e)
			}
		}
	}
}
