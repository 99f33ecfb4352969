package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/closeloop/closeloop/model"
)

const (
	answerMax = 16 << 10 // bytes of an answer that are read and discarded, so that the connection can be reused
	errorMax  = 300      // characters
)

// result is the result of one try.
type result struct {
	accepted   bool
	gone       bool          // status 410: the receiver wants no more events
	withheld   bool          // nothing was posted: the owner may not see the event
	cancelled  bool          // this server stops: it does not count as a try
	internal   bool          // nothing was posted, because of an internal error
	status     *int          // nil: no answer
	retryAfter time.Duration // the wait that the receiver asks for
	message    string        // the error, without URLs
}

// errInternal is the error that a delivery shows for an internal error; the log has the details.
const errInternal = "an internal error: see the server's log"

// try posts an event once.
func (s *Sender) try(ctx context.Context, hook *model.Webhook, d *model.WebhookDelivery) result {
	sel, err := selectionOf(hook)
	if err != nil {
		return s.internalError(d, "selected", err)
	}
	e, err := s.log.Find(ctx, sel.scope, d.EventID)
	switch {
	case ctx.Err() != nil:
		return result{cancelled: true}
	case err != nil:
		return s.internalError(d, "read", err)
	case e == nil || !mayReadEvents(hook.Owner):
		return result{withheld: true, message: "the webhook's owner may not see this case"}
	}
	body, err := body(sel, e)
	if err != nil {
		return s.internalError(d, "written", err)
	}
	if err := s.o.Addresses.of(hook.Owner).Check("url", hook.URL); err != nil { // the setting or the role may have changed since
		return result{message: err.Error()}
	}
	request, err := s.request(ctx, hook, e.ID, body)
	if err != nil {
		return s.internalError(d, "signed", err)
	}
	if hook.Owner.Role == model.Admin {
		return s.post(ctx, s.ofAdmins, request)
	}
	return s.post(ctx, s.ofOthers, request)
}

func (s *Sender) internalError(d *model.WebhookDelivery, doing string, err error) result {
	s.o.Log.Error("an event for a webhook could not be "+doing, "delivery", d.ID.String(), "error", err)
	return result{internal: true, message: errInternal}
}

// request returns the signed request (Standard Webhooks 1.0.0, sections Signature scheme and Webhook headers). Each valid
// secret adds a signature.
func (s *Sender) request(ctx context.Context, hook *model.Webhook, id model.EventID, body []byte) (*http.Request, error) {
	now := s.clock()
	var signatures []string
	for _, secret := range hook.Secrets(now) {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, errors.New("the webhook's secret is not base64")
		}
		signature, err := signer.Sign(id.String(), now, body)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "closeloop")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id.String())
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return request, nil
}

func (s *Sender) post(ctx context.Context, client *http.Client, request *http.Request) result {
	answer, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return result{cancelled: true}
		}
		return result{message: s.explain(err)}
	}
	defer answer.Body.Close()
	r := result{status: &answer.StatusCode}
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		r.accepted = true
	default:
		r.gone = code == http.StatusGone
		r.message = strings.TrimSpace(fmt.Sprintf("the answer was %d %s", code, http.StatusText(code)))
		if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
			r.retryAfter = retryAfter(answer.Header, s.clock())
		}
	}
	_, _ = io.CopyN(io.Discard, answer.Body, answerMax) // the content of the answer does not matter
	return r
}

// explain describes why there was no answer. It omits the URL, because the path of the URL may be a secret.
func (s *Sender) explain(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return fmt.Sprintf("no answer within %s", s.o.AnswerTimeout)
		}
		err = u.Err
	}
	message := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "")))
	if len(message) > errorMax {
		message = append(message[:errorMax-1], '…')
	}
	return string(message)
}
