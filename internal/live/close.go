package live

import (
	"fmt"
	"strings"

	"github.com/gorilla/websocket"
)

// An ending is why a socket closes: what its close frame tells the peer, and what the log says.
type ending struct {
	code   int
	reason string
}

// The codes below 4000 are from RFC 6455, section 7.4.1, Defined Status Codes. Those of 4400 to 4429 and
// their words are from the GraphQL over WebSocket Protocol; 4500 is what its reference implementation
// uses. 4508 is ours.
//
// A client may connect again after 1001, 1006, 1013, 4403 (with a good token), 4408 and 4508. The others are
// mistakes that a second try would repeat.
var (
	goingAway     = ending{websocket.CloseGoingAway, "Going away"}
	tryAgain      = ending{websocket.CloseTryAgainLater, "Try again later"}
	notUTF8       = ending{websocket.CloseInvalidFramePayloadData, "Text is not UTF-8"}
	unauthorized  = ending{4401, "Unauthorized"} // an operation before connection_ack
	forbidden     = ending{4403, "Forbidden"}    // not signed in, or no longer
	notAcceptable = ending{4406, "Subprotocol not acceptable"}
	initTimeout   = ending{4408, "Connection initialisation timeout"}
	initTwice     = ending{4429, "Too many initialisation requests"}
	internalError = ending{4500, "Internal server error"}

	// slowConsumer ends a socket whose peer did not take a message within Options.WriteTimeout. The log
	// has this code; the peer mostly sees 1006, for a close frame cannot pass the half of a message
	// that is stuck before it.
	slowConsumer = ending{4508, "Slow consumer"}
)

func badRequest(reason string) ending { return ending{4400, reason} }

func tooBig(limit int64) ending {
	return ending{websocket.CloseMessageTooBig, fmt.Sprintf("A message has %d bytes at most", limit)}
}

func subscriberExists(id string) ending {
	return ending{4409, "Subscriber for " + id + " already exists"}
}

// lost is the end of a connection without a close frame; 1006 must not be sent (RFC 6455, 7.4.1).
func lost(why string) ending { return ending{websocket.CloseAbnormalClosure, why} }

func (e ending) isLost() bool { return e.code == websocket.CloseAbnormalClosure }

// maxReason is what a close frame has for its reason: a control frame carries 125 bytes (RFC 6455,
// section 5.5, Control Frames), and the code takes two.
const maxReason = 123

// frame returns the payload of the close frame, with the reason cut at a whole character.
func (e ending) frame() []byte {
	reason := strings.ToValidUTF8(e.reason, "\uFFFD")
	if len(reason) > maxReason {
		// Cutting may split one character; what is left of it is no UTF-8 and goes too.
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	return websocket.FormatCloseMessage(e.code, reason)
}
