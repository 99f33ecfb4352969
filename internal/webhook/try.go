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
	answerMax = 16 << 10 // bytes of an answer that are read, so that its connection can be used again; none is kept
	errorMax  = 300      // characters
)

// outcome is what became of one try.
type outcome struct {
	taken    bool
	gone     bool          // 410: the receiver wants no more
	withheld bool          // nothing was posted: the owner may not see it
	broken   bool          // this server stops: no try at all
	ours     bool          // nothing was posted: this program is at fault, and the receiver is not
	status   *int          // nil: there was no answer
	after    time.Duration // the receiver asks not to be tried earlier
	said     string        // what went wrong, in words without addresses
}

// errOurs is all that a delivery says of a fault of our own, which the log has in full.
const errOurs = "an internal error: see the server's log"

// try posts an event once.
func (s *Sender) try(ctx context.Context, hook *model.Webhook, d *model.WebhookDelivery) outcome {
	b, err := boundOf(hook)
	if err != nil {
		return s.failed(d, "asked for", err)
	}
	e, err := s.log.Find(ctx, b.scope, d.EventID)
	switch {
	case ctx.Err() != nil:
		return outcome{broken: true}
	case err != nil:
		return s.failed(d, "read", err)
	case e == nil || !reads(hook.Owner):
		return outcome{withheld: true, said: "the webhook's owner may not see this case"}
	}
	body, err := body(b, e)
	if err != nil {
		return s.failed(d, "written", err)
	}
	if err := s.o.Policy.Check("url", hook.URL); err != nil { // the setting may be another than when it was made
		return outcome{said: err.Error()}
	}
	request, err := s.request(ctx, hook, e.ID, body)
	if err != nil {
		return s.failed(d, "signed", err)
	}
	return s.post(ctx, request)
}

func (s *Sender) failed(d *model.WebhookDelivery, doing string, err error) outcome {
	s.o.Log.Error("an event that is to be posted could not be "+doing, "delivery", d.ID.String(), "error", err)
	return outcome{ours: true, said: errOurs}
}

// request is the signed one (Standard Webhooks 1.0.0, sections Signature scheme and Webhook headers). Each secret that
// is valid signs.
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

func (s *Sender) post(ctx context.Context, request *http.Request) outcome {
	answer, err := s.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return outcome{broken: true}
		}
		return outcome{said: s.explain(err)}
	}
	defer answer.Body.Close()
	o := outcome{status: &answer.StatusCode}
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		o.taken = true
	default:
		o.gone = code == http.StatusGone
		o.said = strings.TrimSpace(fmt.Sprintf("the answer was %d %s", code, http.StatusText(code)))
		if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
			o.after = retryAfter(answer.Header, s.clock())
		}
	}
	_, _ = io.CopyN(io.Discard, answer.Body, answerMax) // what it says does not matter
	return o
}

// explain words why there was no answer. The address stays out of it: its path may be a secret.
func (s *Sender) explain(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return fmt.Sprintf("no answer within %s", s.o.Answering)
		}
		err = u.Err
	}
	said := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "")))
	if len(said) > errorMax {
		said = append(said[:errorMax-1], '…')
	}
	return string(said)
}
