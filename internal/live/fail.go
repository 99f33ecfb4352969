package live

import (
	"context"
	"errors"
	"sync"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// failure holds the error with which a subscription's resolver closed its channel. gqlgen offers no place for it.
type failure struct {
	mu  sync.Mutex
	err error
}

// Fail ends a subscription with an error. A resolver that makes its own channel, without Follow, calls Fail with its
// context and then closes the channel. The peer gets the operation's error message as the executor's error presenter
// writes it. Under another transport, Fail does nothing.
func Fail(ctx context.Context, err error) {
	r := runOf(ctx)
	if r == nil {
		return
	}
	r.failed.mu.Lock()
	defer r.failed.mu.Unlock()
	if r.failed.err == nil { // the first error is the cause of the others
		r.failed.err = err
	}
}

func (f *failure) reason() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// presentable converts an error to the type that an executor presents.
func presentable(err error) *gqlerror.Error {
	var shown *gqlerror.Error
	if errors.As(err, &shown) {
		return shown
	}
	return gqlerror.Wrap(err)
}

// withCode makes an error with the code where clients look for it.
func withCode(code fault.Code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}

func errorsOf(err error) gqlerror.List { return gqlerror.List{presentable(err)} }
