package casework

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/text"
	"github.com/closeloop/closeloop/model"
)

// LinkCaseInput is the case's counterpart in another system.
type LinkCaseInput struct {
	CaseID     model.CaseID
	System     string
	ExternalID string
	URL        *string
}

// LinkCasePayload is the case.
type LinkCasePayload struct{ Case *model.Case }

// LinkCase links the case to its counterpart in another system. A case has one link for each system: a second one
// replaces the first.
func (w *Work) LinkCase(ctx context.Context, viewer auth.Viewer, in LinkCaseInput) (*LinkCasePayload, error) {
	ref := model.ExternalRef{CaseID: in.CaseID, System: strings.TrimSpace(in.System), ExternalID: strings.TrimSpace(in.ExternalID), URL: in.URL}
	out := new(LinkCasePayload)
	err := w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		c, ofCase := LockCaseFor(tx, now, viewer, in.CaseID, nil)
		if err := fault.Join(ofCase, checkRef(ref)); err != nil {
			return err
		}
		out.Case = &c.Case
		at := slices.IndexFunc(c.ExternalRefs, func(r model.ExternalRef) bool { return r.System == ref.System })
		if at >= 0 && c.ExternalRefs[at].ExternalID == ref.ExternalID && model.Same(c.ExternalRefs[at].URL, ref.URL) {
			return nil
		}
		err := tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "case_id"}, {Name: "system"}}, DoUpdates: clause.AssignmentColumns([]string{"external_id", "url"}),
		}).Create(&ref).Error
		if err != nil {
			return fmt.Errorf("link a case: %w", err)
		}
		_, err = c.Change(tx, now, event.Entry{Type: model.EventDetailsChanged, Actor: &viewer.User.ID, Changed: []string{"case.externalRefs"}}, func() {
			c.ExternalRefs = slices.Clone(c.ExternalRefs)
			if at >= 0 {
				c.ExternalRefs[at] = ref
				return
			}
			c.ExternalRefs = append(c.ExternalRefs, ref)
			slices.SortFunc(c.ExternalRefs, func(a, b model.ExternalRef) int { return strings.Compare(a.System, b.System) })
		})
		return err
	})
	return payload(out, err)
}

// checkRef returns the faults of all fields of a reference.
func checkRef(r model.ExternalRef) error {
	faults := []error{text.Short("input.system", r.System), text.Short("input.externalId", r.ExternalID)}
	if r.System == "" {
		faults = append(faults, fault.Input("input.system", "system must not be blank: give the name of the other system"))
	}
	if r.ExternalID == "" {
		faults = append(faults, fault.Input("input.externalId", "externalId must not be blank: give the id that the other system uses"))
	}
	if len(r.System)+len(r.ExternalID) > refBytesMax {
		faults = append(faults, fault.Input("input.externalId", "system and externalId must not take more than %d bytes together", refBytesMax))
	}
	return fault.Join(append(faults, checkLink(r.URL))...)
}

// refBytesMax is what both texts of a reference may take, because one index has both: an entry has at most 2,704 bytes.
const refBytesMax = 2600

// checkLink refuses a URL that dashboards must not show as a link: a scheme such as javascript: would run code in the browser
// of the user who follows it.
func checkLink(link *string) error {
	if link == nil {
		return nil
	}
	if u, err := url.Parse(*link); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(*link) > 2000 {
		return fault.Input("input.url", "url must begin with http:// or https:// and name a host")
	}
	return text.Storable("input.url", *link)
}
