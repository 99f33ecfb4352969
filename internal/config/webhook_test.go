package config

import (
	"strings"
	"testing"
)

func TestPrivateWebhooks(t *testing.T) {
	clean(t)
	for value, want := range map[string]bool{"": false, "no": false, "yes": true} {
		t.Setenv("CLOSELOOP_WEBHOOK_PRIVATE", value)
		if c, err := parse(t); err != nil || c.PrivateWebhooks() != want {
			t.Errorf("%q: got %v, want private webhooks: %t", value, err, want)
		}
	}
	t.Setenv("CLOSELOOP_WEBHOOK_PRIVATE", "true")
	if _, err := parse(t); err == nil || !strings.HasPrefix(err.Error(), `CLOSELOOP_WEBHOOK_PRIVATE: must be yes or no, not "true"`) {
		t.Errorf("true: got %v, want a refusal", err)
	}
}
