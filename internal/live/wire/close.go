package wire

import (
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// CloseReason is why a connection closes. The close frame and the log contain it.
type CloseReason struct {
	Code  int
	Text  string
	Retry time.Duration // after which the peer should reconnect; 0: the peer should not reconnect by itself
}

// The codes below 4000 are from RFC 6455, section 7.4.1, Defined Status Codes. The codes 4400 to 4429 and their texts
// are from the GraphQL over WebSocket Protocol; its reference implementation uses 4500. The codes 4508 to 4511 are this
// project's.
//
// A client may reconnect after 1001, 1006, 1013, 4403 (with a valid token), 4408, 4508, 4509, 4510 and
// 4511. The other codes stand for mistakes that a second attempt would repeat.
var (
	None          = CloseReason{}
	Done          = CloseReason{Code: websocket.CloseNormalClosure, Text: "Complete"}
	NotUTF8       = CloseReason{Code: websocket.CloseInvalidFramePayloadData, Text: "Text is not UTF-8"}
	Unauthorized  = CloseReason{Code: 4401, Text: "Unauthorized"} // the client began an operation before connection_ack
	Forbidden     = CloseReason{Code: 4403, Text: "Forbidden"}    // the client is not signed in, or the session has ended
	NotAcceptable = CloseReason{Code: 4406, Text: "Subprotocol not acceptable"}
	InitTimeout   = CloseReason{Code: 4408, Text: "Connection initialisation timeout"}
	InitTwice     = CloseReason{Code: 4429, Text: "Too many initialisation requests"}
	InternalError = CloseReason{Code: 4500, Text: "Internal server error"}

	// SlowConsumer closes a socket whose peer did not take a message within the write timeout. The log contains this
	// code; the peer mostly sees 1006, because a close frame cannot overtake the half-written message before it.
	SlowConsumer = CloseReason{Code: 4508, Text: "Slow consumer"}
)

// BadRequest closes a socket whose client broke the protocol.
func BadRequest(reason string) CloseReason { return CloseReason{Code: 4400, Text: reason} }

// TooBig closes a socket whose client sent more than limit bytes in a message.
func TooBig(limit int64) CloseReason {
	return CloseReason{Code: websocket.CloseMessageTooBig, Text: fmt.Sprintf("A message may have at most %d bytes", limit)}
}

// TooManyOfToken closes a socket whose token has reached its limit of sockets.
func TooManyOfToken(limit int, retry time.Duration) CloseReason {
	return CloseReason{Code: 4509, Text: fmt.Sprintf("Too many sockets: a token may have at most %d", limit)}.after(retry)
}

// TryAgainLater closes a socket whose token the server cannot check now.
func TryAgainLater(retry time.Duration) CloseReason {
	return CloseReason{Code: websocket.CloseTryAgainLater, Text: "Try again later"}.after(retry)
}

// CodeTooManyRefusals is the code of TooManyRefusals.
const CodeTooManyRefusals = 4510

// TooManyRefusals closes a socket with a wrong token from an address that has sent too many of them.
func TooManyRefusals(wait time.Duration) CloseReason {
	return CloseReason{Code: CodeTooManyRefusals, Text: "Too many wrong tokens came from your address"}.after(wait)
}

// RightsChanged closes a socket whose token is still valid but lets its bearer see or do something else than at the sign-in.
func RightsChanged(retry time.Duration) CloseReason {
	return CloseReason{Code: 4511, Text: "The rights of the token have changed"}.after(retry)
}

// SubscriberExists closes a socket whose client used the id of an active operation again.
func SubscriberExists(id string) CloseReason {
	return CloseReason{Code: 4409, Text: "Subscriber for " + id + " already exists"}
}

// GoingAway closes a socket when the server stops.
func GoingAway(retry time.Duration) CloseReason {
	return CloseReason{Code: websocket.CloseGoingAway, Text: "Going away"}.after(retry)
}

// after names the time after which the peer should reconnect.
func (r CloseReason) after(retry time.Duration) CloseReason {
	r.Text, r.Retry = fmt.Sprintf("%s; retry after %d ms", r.Text, retry.Milliseconds()), retry
	return r
}

// Lost is the end of a connection without a close frame: 1006 must not be sent (RFC 6455, section 7.4.1).
func Lost(why string) CloseReason {
	return CloseReason{Code: websocket.CloseAbnormalClosure, Text: why}
}

// IsLost reports whether the connection ended, or must end, without a close frame.
func (r CloseReason) IsLost() bool { return r.Code == websocket.CloseAbnormalClosure }

// maxReason is the length of a close frame's text, in bytes: a control frame carries 125 bytes (RFC 6455, section 5.5,
// Control Frames), and the code takes two of them.
const maxReason = 123

// payload returns the payload of the close frame. It cuts a long text at a whole character.
func (r CloseReason) payload() []byte {
	reason := strings.ToValidUTF8(r.Text, "\uFFFD")
	if len(reason) > maxReason {
		// The cut may split a character; the remaining bytes of that character are not UTF-8 and are removed too.
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	return websocket.FormatCloseMessage(r.Code, reason)
}
