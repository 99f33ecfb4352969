package rate_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

func TestRefusalsOfATokenThatRepeatsThem(t *testing.T) {
	t.Parallel()
	refusals := rate.NewRefusals()
	loop, other := model.ApiTokenID{UUID: model.NewUUID()}, model.ApiTokenID{UUID: model.NewUUID()}
	if refusals.Often(loop) {
		t.Error("the first refusal is one too many")
	}
	often := 0
	for range 10_000 {
		if refusals.Often(loop) {
			often++
		}
	}
	if often < 5_000 {
		t.Errorf("%d of 10,000 refusals in a row are too many", often)
	}
	if refusals.Often(other) {
		t.Error("another token answers for it")
	}
}
