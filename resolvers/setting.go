package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/model"
)

func (r query) Settings(ctx context.Context) (*model.Settings, error) { return r.Read.Settings(ctx) }

func (r mutation) UpdateSettings(ctx context.Context, in settings.UpdateSettingsInput) (*settings.UpdateSettingsPayload, error) {
	return withViewer(ctx, r.Settings.Update, in)
}
