package read

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// The page types of deliveries to sources, with their GraphQL names.
type (
	SourceDeliveryConnection = page.Connection[model.SourceDelivery]
	SourceDeliveryEdge       = page.Edge[model.SourceDelivery]
)

var sourceDeliveryOrder = page.Order[model.SourceDelivery]{
	{Name: "RECEIVED_AT", Column: "received_at", Kind: page.Time, Desc: true, Of: func(d *model.SourceDelivery) any { return d.ReceivedAt }},
	{Name: "ID", Column: "id", Kind: page.ID, Desc: true, Of: func(d *model.SourceDelivery) any { return d.ID.UUID }},
}

// Sources lists the survey tools that post responses, by name.
func (r *Reader) Sources(ctx context.Context) ([]*model.Source, error) {
	sources := []*model.Source{}
	if err := r.db.WithContext(ctx).Order("name").Find(&sources).Error; err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	return sources, nil
}

// Source reads a source; nil if there is none.
func (r *Reader) Source(ctx context.Context, id model.SourceID) (*model.Source, error) {
	return loadOne[model.Source](ctx, r, id)
}

// DeliveriesTo lists the last deliveries to a source, newest first.
func DeliveriesTo(ctx context.Context, id model.SourceID, args page.Args) (*SourceDeliveryConnection, error) {
	return loadNested[*SourceDeliveryConnection](ctx, id.UUID, deliveriesOfSource, listRequest{Args: args})
}
