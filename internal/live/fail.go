package live

import (
	"context"
	"errors"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// failure is where a subscription's resolver says why it closed its channel: gqlgen gives it no other way.
type failure struct {
	mu  sync.Mutex
	err error
}

type failureKey struct{}

// Fail ends a subscription with an error: the resolver calls it with the context it was given, and then closes its
// channel. The peer gets it as the operation's error message, in the words of the executor's error presenter. Under
// another transport nothing happens.
func Fail(ctx context.Context, err error) {
	f, ok := ctx.Value(failureKey{}).(*failure)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil { // the first says what broke, the others what came of it
		f.err = err
	}
}

func (f *failure) errors() gqlerror.List {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return nil
	}
	return gqlerror.List{presentable(f.err)}
}

// presentable makes an error what an executor presents.
func presentable(err error) *gqlerror.Error {
	var shown *gqlerror.Error
	if errors.As(err, &shown) {
		return shown
	}
	return gqlerror.Wrap(err)
}
