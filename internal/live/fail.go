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

// Fail ends a subscription with an error: a resolver that makes its channel by itself, without Follow, calls it with
// the context it was given, and then closes the channel. The peer gets it as the operation's error message, in the
// words of the executor's error presenter. Under another transport nothing happens.
func Fail(ctx context.Context, err error) {
	r := runOf(ctx)
	if r == nil {
		return
	}
	r.failed.mu.Lock()
	defer r.failed.mu.Unlock()
	if r.failed.err == nil { // the first says what broke, the others what came of it
		r.failed.err = err
	}
}

func (f *failure) reason() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// presentable makes an error what an executor presents.
func presentable(err error) *gqlerror.Error {
	var shown *gqlerror.Error
	if errors.As(err, &shown) {
		return shown
	}
	return gqlerror.Wrap(err)
}

func errorsOf(err error) gqlerror.List { return gqlerror.List{presentable(err)} }
