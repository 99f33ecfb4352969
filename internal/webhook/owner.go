package webhook

import (
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// reads tells whether a user may read events at all. A webhook whose owner may not is disabled.
func reads(owner *model.User) bool { return owner.Active && owner.Role != model.Intake }

// request is what a webhook asks of the log, as its owner.
func request(hook *model.Webhook) (event.Request, error) {
	q := event.Request{Types: hook.Events}
	if hook.Filter == nil {
		return q, nil
	}
	var err error
	q.Filter, err = filter.StoredCase(hook.Filter)
	return q, err
}
