package config

import (
	"strings"
	"testing"
)

func TestWebhooksLeadToPrivateAddressesOnlyWhereSomebodySaysYes(t *testing.T) {
	clean(t)
	for said, want := range map[string]bool{"": false, "no": false, "yes": true} {
		t.Setenv("CLOSELOOP_WEBHOOK_PRIVATE", said)
		if c, err := parse(t); err != nil || c.PrivateWebhooks() != want {
			t.Errorf("%q: %v", said, err)
		}
	}
	t.Setenv("CLOSELOOP_WEBHOOK_PRIVATE", "true")
	if _, err := parse(t); err == nil || !strings.HasPrefix(err.Error(), `CLOSELOOP_WEBHOOK_PRIVATE: "true" must be yes or no`) {
		t.Errorf("true: %v", err)
	}
}
