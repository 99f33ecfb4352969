package pg

import "context"

type clientKey struct{}

// WithClient names the caller of the API, by its token, for whom the statements of a context run. They use the caller's
// share of a lane, and keep to the lane's time limits. Statements of a context without a name are closeloop's own work:
// they use the lane Background where a request would use Lists or Writes, and nothing limits their time.
func WithClient(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, clientKey{}, name)
}

// clientOf returns the caller's name; empty for closeloop's own work.
func clientOf(ctx context.Context) string {
	name, _ := ctx.Value(clientKey{}).(string)
	return name
}

type untimedKey struct{}

// WithoutTimeLimit lets the transactions of a caller take as long as they need, where a person waits for the result and
// half of it is no use: storing a file, erasing a customer. They still use the caller's share.
func WithoutTimeLimit(ctx context.Context) context.Context {
	return context.WithValue(ctx, untimedKey{}, true)
}

func untimed(ctx context.Context) bool { return ctx.Value(untimedKey{}) != nil }
