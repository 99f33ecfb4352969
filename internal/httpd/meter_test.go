package httpd

import (
	"context"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

func TestMeterDelaysRefusalsOfATokenThatHasManyOfThem(t *testing.T) {
	t.Parallel()
	m := meter{buckets: rate.New(1000, 100, time.Now), refusals: rate.NewRefusals()}
	refuse := func(token model.ApiTokenID) (delayed bool) {
		oc := &graphql.OperationContext{}
		ctx := graphql.WithOperationContext(auth.With(t.Context(), auth.Viewer{User: &model.User{}, TokenID: token}), oc)
		m.InterceptResponse(ctx, func(context.Context) *graphql.Response { return &graphql.Response{} })
		return billOf(oc).told
	}
	loop, other := model.ApiTokenID{UUID: model.NewUUID()}, model.ApiTokenID{UUID: model.NewUUID()}
	if refuse(loop) {
		t.Error("the first refusal is delayed")
	}
	delayed := 0
	for range 10_000 {
		if refuse(loop) {
			delayed++
		}
	}
	if delayed < 5_000 {
		t.Errorf("%d of 10,000 refusals in a row are delayed", delayed)
	}
	if refuse(other) {
		t.Error("the refusal of another token is delayed")
	}
}
