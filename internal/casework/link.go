package casework

import (
	"context"
	"errors"
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

// LinkCase ties the case to its counterpart in another system; the same system again replaces it.
func (w *Work) LinkCase(ctx context.Context, viewer auth.Viewer, in LinkCaseInput) (*LinkCasePayload, error) {
	ref := model.ExternalRef{CaseID: in.CaseID, System: strings.TrimSpace(in.System), ExternalID: strings.TrimSpace(in.ID), URL: in.URL}
	if err := checkRef(ref); err != nil {
		return nil, err
	}
	out := new(LinkCasePayload)
	err := w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		h, err := holdFor(tx, now, viewer, in.CaseID, nil)
		if err != nil {
			return err
		}
		out.Case = &h.Case
		at := slices.IndexFunc(h.refs, func(r model.ExternalRef) bool { return r.System == ref.System })
		if at >= 0 && h.refs[at].ExternalID == ref.ExternalID && model.Same(h.refs[at].URL, ref.URL) {
			return nil
		}
		err = tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "case_id"}, {Name: "system"}}, DoUpdates: clause.AssignmentColumns([]string{"external_id", "url"}),
		}).Create(&ref).Error
		if err != nil {
			return fmt.Errorf("link a case: %w", err)
		}
		_, err = h.change(tx, now, event.Entry{Type: model.EventDetailsChanged, Actor: &viewer.User.ID, Changed: []string{"case.externalRefs"}}, func() {
			h.refs = slices.Clone(h.refs)
			if at >= 0 {
				h.refs[at] = ref
				return
			}
			h.refs = append(h.refs, ref)
			slices.SortFunc(h.refs, func(a, b model.ExternalRef) int { return strings.Compare(a.System, b.System) })
		})
		return err
	})
	return payload(out, err)
}

func checkRef(r model.ExternalRef) error {
	if r.System == "" {
		return fault.Input("input.system", "the other system's name is needed")
	}
	if r.ExternalID == "" {
		return fault.Input("input.id", "the other system's id is needed")
	}
	for argument, value := range map[string]string{"input.system": r.System, "input.id": r.ExternalID} {
		if err := text.Short(argument, value); err != nil {
			return err
		}
	}
	if r.URL == nil {
		return nil
	}
	// Dashboards make links of it: no scheme that runs.
	if u, err := url.Parse(*r.URL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(*r.URL) > 2000 {
		return fault.Input("input.url", "a URL begins with http:// or https:// and names a host")
	}
	return text.Storable("input.url", *r.URL)
}

// AssignCases gives several cases to one user, or to nobody: all or nothing.
func (w *Work) AssignCases(ctx context.Context, viewer auth.Viewer, in AssignCasesInput) (*AssignCasesPayload, error) {
	if n := len(in.Cases); n < 1 || n > casesMax {
		return nil, fault.Input("input.cases", "from 1 to %d cases, not %d", casesMax, n)
	}
	if in.Note != nil {
		if err := checkNote("input.note", *in.Note); err != nil {
			return nil, err
		}
	}
	order := make([]int, len(in.Cases)) // cases are locked by id; the answer is in the caller's order
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return strings.Compare(in.Cases[a].ID.String(), in.Cases[b].ID.String())
	})
	out := new(AssignCasesPayload)
	err := w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		out.Cases = make([]*model.Case, len(in.Cases))
		var to *model.User
		if in.AssigneeID != nil {
			var err error
			if to, err = assignee(tx, "input.assigneeId", *in.AssigneeID); err != nil {
				return err
			}
		}
		for n, i := range order {
			at := fmt.Sprintf("input.cases[%d]", i)
			if n > 0 && in.Cases[order[n-1]].ID == in.Cases[i].ID {
				return fault.Input(at+".id", "this case is in the list twice")
			}
			h, err := holdFor(tx, now, viewer, in.Cases[i].ID, in.Cases[i].ExpectedVersion)
			if err != nil {
				return moved(at, err)
			}
			if _, err := w.assign(ctx, tx, now, viewer, h, to, in.Note); err != nil {
				return err
			}
			out.Cases[i] = &h.Case
		}
		return nil
	})
	return payload(out, err)
}

const casesMax = 500

// moved says which case of a list a fault is about.
func moved(at string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	there := *f
	switch f.Argument {
	case "input.caseId":
		there.Argument = at + ".id"
	case "input.expectedVersion":
		there.Argument = at + ".expectedVersion"
	}
	return &there
}
