package rule

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const previewSample = 10 // responses

// RulePreview is what a rule would have done with past responses.
type RulePreview struct {
	Matched     int
	CasesOpened int
	ByCategory  []*CategoryCount
	Sample      []*model.Response
}

// CategoryCount is the number of responses in one category.
type CategoryCount struct {
	Category model.Category
	Count    int
}

// Preview matches a rule, which need not be stored, with the viewer's past responses since a time, and changes nothing.
// It counts no new case for a response that already has a case.
func (s *Rules) Preview(ctx context.Context, viewer auth.Viewer, in CreateRuleInput, since time.Time) (*RulePreview, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	rule, err := s.draft(in)
	if err != nil {
		return nil, fault.ReplaceRoot("rule", err)
	}
	now := s.now()
	query := s.db.Lane(pg.Reports).Gorm.WithContext(ctx).Model(&model.Response{}).Where(viewer.Scope().Responses(now)).Where("responded_at >= ?", since)
	if query, err = where(query, rule, now); err != nil {
		return nil, err
	}
	query = query.Session(&gorm.Session{})
	var rows []struct {
		Category model.Category
		N        int
		Free     int
	}
	err = query.Select(`category, count(*) AS n,
		count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM cases c WHERE c.response_id = responses.id)) AS free`).Group("category").Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("preview a rule: %w", err)
	}
	out := &RulePreview{}
	for _, category := range []model.Category{model.Detractor, model.Passive, model.Promoter} {
		count := &CategoryCount{Category: category}
		for _, row := range rows {
			if row.Category != category {
				continue
			}
			count.Count = row.N
			out.Matched += row.N
			if rule.OpensCase {
				out.CasesOpened += row.Free
			}
		}
		out.ByCategory = append(out.ByCategory, count)
	}
	err = query.Order("responded_at DESC, id DESC").Limit(previewSample).Find(&out.Sample).Error
	if err != nil {
		return nil, fmt.Errorf("preview a rule: %w", err)
	}
	return out, nil
}

// where restricts a query of responses to those that the rule would have matched when they were received. It is Match in
// SQL, and a test compares both. It ignores whether the rule is enabled.
func where(query *gorm.DB, rule *model.Rule, now time.Time) (*gorm.DB, error) {
	if len(rule.Scores) > 0 {
		query = query.Where("score IN ?", rule.Scores)
	}
	if rule.ContactRequested != nil {
		query = query.Where("contact_requested = ?", *rule.ContactRequested)
	}
	if rule.Filter == nil {
		return query, nil
	}
	f, err := filter.ParseStored(rule.Filter)
	if err != nil {
		return nil, err
	}
	return query.Where(f.WhereReceived(now)), nil
}
