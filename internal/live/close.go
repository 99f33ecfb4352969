package live

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// An ending is why a connection closes: what its close frame tells the peer, and what the log says.
type ending struct {
	code   int
	reason string
	retry  time.Duration // after which the peer is asked to come back; 0: it is not
}

// The codes below 4000 are from RFC 6455, section 7.4.1, Defined Status Codes. Those of 4400 to 4429 and
// their words are from the GraphQL over WebSocket Protocol; 4500 is what its reference implementation
// uses. 4508 and 4509 are ours.
//
// A client may connect again after 1001, 1006, 1013, 4403 (with a good token), 4408, 4508 and 4509. The others are
// mistakes that a second try would repeat.
var (
	none          = ending{}
	done          = ending{code: websocket.CloseNormalClosure, reason: "Complete"}
	tryAgain      = ending{code: websocket.CloseTryAgainLater, reason: "Try again later", retry: 5 * time.Second}
	notUTF8       = ending{code: websocket.CloseInvalidFramePayloadData, reason: "Text is not UTF-8"}
	unauthorized  = ending{code: 4401, reason: "Unauthorized"} // an operation before connection_ack
	forbidden     = ending{code: 4403, reason: "Forbidden"}    // not signed in, or no longer
	notAcceptable = ending{code: 4406, reason: "Subprotocol not acceptable"}
	initTimeout   = ending{code: 4408, reason: "Connection initialisation timeout"}
	initTwice     = ending{code: 4429, reason: "Too many initialisation requests"}
	internalError = ending{code: 4500, reason: "Internal server error"}

	// slowConsumer ends a socket whose peer did not take a message within Options.WriteTimeout. The log
	// has this code; the peer mostly sees 1006, for a close frame cannot pass the half of a message
	// that is stuck before it.
	slowConsumer = ending{code: 4508, reason: "Slow consumer"}
)

func badRequest(reason string) ending { return ending{code: 4400, reason: reason} }

func tooBig(limit int64) ending {
	return ending{code: websocket.CloseMessageTooBig, reason: fmt.Sprintf("A message has %d bytes at most", limit)}
}

func tooManyOfToken(limit int) ending {
	return ending{code: 4509, reason: fmt.Sprintf("Too many sockets: a token has %d at most", limit), retry: 5 * time.Second}
}

func subscriberExists(id string) ending {
	return ending{code: 4409, reason: "Subscriber for " + id + " already exists"}
}

// goingAway is said when the server ends. Its many clients are asked to come back at different times, about 500 a
// second, so that the servers that are left can take them.
func goingAway(sockets int) ending {
	within := time.Second + time.Duration(sockets)*2*time.Millisecond
	retry := rand.N(within).Round(time.Millisecond) + time.Millisecond
	return ending{code: websocket.CloseGoingAway, reason: fmt.Sprintf("Going away; retry after %d ms", retry.Milliseconds()), retry: retry}
}

// lost is the end of a connection without a close frame; 1006 must not be sent (RFC 6455, 7.4.1).
func lost(why string) ending { return ending{code: websocket.CloseAbnormalClosure, reason: why} }

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
