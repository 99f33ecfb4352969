package webhook

import (
	"net/http"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]time.Duration{0: 5 * time.Second, 1: 5 * time.Second, 2: 30 * time.Second, 5: time.Hour, 6: 3 * time.Hour, 1000: 3 * time.Hour} {
		spread := map[time.Duration]bool{}
		for range 100 {
			wait := backoff(tries)
			if spread[wait] = true; wait < want || wait >= want+want/5 {
				t.Fatalf("the wait after %d tries is %s, want %s and at most a fifth more", tries, wait, want)
			}
		}
		if len(spread) < 2 {
			t.Errorf("all waits after %d tries are equal", tries)
		}
	}
	hook, d, now, tries := &model.Webhook{}, &model.WebhookDelivery{}, time.Unix(0, 0), 0
	for {
		v := decide(hook, d, result{message: "no"}, now, backoff)
		if tries++; v.ended || v.disable != "" {
			break
		}
		first := v.delivery["first_tried_at"].(time.Time)
		d.Tries, d.FirstTriedAt, hook.FailingSince = tries, &first, &first
		now = v.delivery["next_attempt_at"].(time.Time)
	}
	if passed := now.Sub(time.Unix(0, 0)); passed < 3*24*time.Hour || passed > 3*24*time.Hour+4*time.Hour || tries < 25 || tries > 32 {
		t.Errorf("the delivery ends after %s and %d tries", passed, tries)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	for given, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "0": 0, "-5": 0, "soon": 0, "999999999": 24 * time.Hour,
		"Mon, 02 Mar 2026 09:31:00 GMT": time.Minute, "Mon, 02 Mar 2026 09:00:00 GMT": 0, "Mon, 02 Mar 2027 09:00:00 GMT": 24 * time.Hour,
	} {
		if wait := retryAfter(http.Header{"Retry-After": {given}}, now); wait != want {
			t.Errorf("%q is %s, want %s", given, wait, want)
		}
	}
	v := decide(&model.Webhook{}, &model.WebhookDelivery{}, result{retryAfter: time.Hour}, now, backoff)
	if next := v.delivery["next_attempt_at"]; next != now.Add(time.Hour) {
		t.Errorf("the next try is at %v, want an hour later", next)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	now := time.Now()
	long := now.Add(-4 * 24 * time.Hour)
	v := decide(&model.Webhook{FailingSince: &long}, &model.WebhookDelivery{FirstTriedAt: &long}, result{internal: true}, now, backoff)
	if v.disable != "" || v.failing != nil || v.delivery["status"] != model.DeliveryFailed || !v.ended {
		t.Errorf("the decision is %+v", v)
	}
}
