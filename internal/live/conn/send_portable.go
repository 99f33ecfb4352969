//go:build !linux || 386

package conn

// newSender returns the platform's fastest sender.
func newSender() sender { return portableSender{} }
