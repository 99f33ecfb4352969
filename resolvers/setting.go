package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/model"
)

func (r query) Settings(ctx context.Context) (*model.Settings, error) { return r.Read.Settings(ctx) }

func (r mutation) UpdateSettings(ctx context.Context, in setup.UpdateSettingsInput) (*setup.UpdateSettingsPayload, error) {
	return r.Setup.UpdateSettings(ctx, in)
}
