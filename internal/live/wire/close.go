package wire

import (
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// An CloseReason is why a connection closes: what its close frame tells the peer, and what the log says.
type CloseReason struct {
	Code  int
	Text  string
	Retry time.Duration // after which the peer is asked to come back; 0: it is not
}

// The codes below 4000 are from RFC 6455, section 7.4.1, Defined Status Codes. Those of 4400 to 4429 and
// their words are from the GraphQL over WebSocket Protocol; 4500 is what its reference implementation
// uses. 4508 and 4509 are ours.
//
// A client may connect again after 1001, 1006, 1013, 4403 (with a good token), 4408, 4508 and 4509. The others are
// mistakes that a second try would repeat.
var (
	None          = CloseReason{}
	Done          = CloseReason{Code: websocket.CloseNormalClosure, Text: "Complete"}
	TryAgainLater = CloseReason{Code: websocket.CloseTryAgainLater, Text: "Try again later", Retry: 5 * time.Second}
	NotUTF8       = CloseReason{Code: websocket.CloseInvalidFramePayloadData, Text: "Text is not UTF-8"}
	Unauthorized  = CloseReason{Code: 4401, Text: "Unauthorized"} // an operation before connection_ack
	Forbidden     = CloseReason{Code: 4403, Text: "Forbidden"}    // not signed in, or no longer
	NotAcceptable = CloseReason{Code: 4406, Text: "Subprotocol not acceptable"}
	InitTimeout   = CloseReason{Code: 4408, Text: "Connection initialisation timeout"}
	InitTwice     = CloseReason{Code: 4429, Text: "Too many initialisation requests"}
	InternalError = CloseReason{Code: 4500, Text: "Internal server error"}

	// SlowConsumer ends a socket whose peer did not take a message within Options.WriteTimeout. The log
	// has this code; the peer mostly sees 1006, for a close frame cannot pass the half of a message
	// that is stuck before it.
	SlowConsumer = CloseReason{Code: 4508, Text: "Slow consumer"}
)

func BadRequest(reason string) CloseReason { return CloseReason{Code: 4400, Text: reason} }

func TooBig(limit int64) CloseReason {
	return CloseReason{Code: websocket.CloseMessageTooBig, Text: fmt.Sprintf("A message has %d bytes at most", limit)}
}

func TooManyOfToken(limit int) CloseReason {
	return CloseReason{Code: 4509, Text: fmt.Sprintf("Too many sockets: a token has %d at most", limit), Retry: 5 * time.Second}
}

func SubscriberExists(id string) CloseReason {
	return CloseReason{Code: 4409, Text: "Subscriber for " + id + " already exists"}
}

// GoingAway is said when the server ends.
func GoingAway(retry time.Duration) CloseReason {
	return CloseReason{Code: websocket.CloseGoingAway, Text: fmt.Sprintf("Going away; retry after %d ms", retry.Milliseconds()), Retry: retry}
}

// lost is the end of a connection without a close frame; 1006 must not be sent (RFC 6455, 7.4.1).
func Lost(why string) CloseReason {
	return CloseReason{Code: websocket.CloseAbnormalClosure, Text: why}
}

func (e CloseReason) IsLost() bool { return e.Code == websocket.CloseAbnormalClosure }

// maxReason is what a close frame has for its Text: a control frame carries 125 bytes (RFC 6455,
// section 5.5, Control Frames), and the code takes two.
const maxReason = 123

// frame returns the payload of the close frame, with the reason cut at a whole character.
func (e CloseReason) payload() []byte {
	reason := strings.ToValidUTF8(e.Text, "\uFFFD")
	if len(reason) > maxReason {
		// Cutting may split one character; what is left of it is no UTF-8 and goes too.
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	return websocket.FormatCloseMessage(e.Code, reason)
}
