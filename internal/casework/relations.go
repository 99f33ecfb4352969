package casework

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// relations reads the rows of other tables that belong to the cases, in one statement.
const relations = `SELECT c.id,
	(SELECT jsonb_agg(rule_id ORDER BY ordinal) FROM case_rules WHERE case_id = c.id) AS rules,
	(SELECT jsonb_agg(jsonb_build_object('system', system, 'id', external_id, 'url', url) ORDER BY system COLLATE "C") FROM case_external_refs WHERE case_id = c.id) AS refs,
	(SELECT jsonb_agg(kind ORDER BY first) FROM (SELECT jsonb_strip_nulls(jsonb_build_object('channel', channel, 'offer', offer, 'outcome', outcome)) AS kind,
		min(version) AS first FROM case_events WHERE case_id = c.id AND type = 'OUTREACH_RECORDED' GROUP BY channel, offer, outcome) kinds) AS outreaches,
	(SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'effort', t.effort, 'resolvedAt', t.resolved_at) ORDER BY t.name_fold, t.id)
		FROM cases k JOIN response_themes x ON x.response_id = k.response_id JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL
		WHERE k.id = c.id) AS themes
	FROM unnest($1::uuid[]) AS c(id)`

// related is a row of relations.
type related struct {
	ID                              uuid.UUID
	Rules, Refs, Outreaches, Themes []byte
}

// addRelations adds to a pipeline what reads the rules, references, outreaches and themes of cases. When the pipeline has
// been sent, fill gives them to the cases.
func addRelations(p *pg.Pipeline, ids []model.CaseID) (fill func([]*LockedCase) error) {
	var rows []related
	p.Query("read the relations of a case", relations, []any{model.UUIDs(ids)}, func(answer pgx.Rows) (err error) {
		rows, err = pgx.CollectRows(answer, pgx.RowToStructByPos[related])
		return err
	})
	return func(cases []*LockedCase) error {
		byCase := make(map[uuid.UUID]*related, len(rows))
		for i := range rows {
			byCase[rows[i].ID] = &rows[i]
		}
		for _, c := range cases {
			if err := byCase[c.ID.UUID].fill(c); err != nil {
				return fmt.Errorf("read the relations of a case: %w", err)
			}
		}
		return nil
	}
}

func (r *related) fill(c *LockedCase) error {
	for _, part := range []struct {
		raw  []byte
		into any
	}{{r.Rules, &c.RuleIDs}, {r.Refs, &c.ExternalRefs}, {r.Outreaches, &c.Outreaches}, {r.Themes, &c.Themes}} {
		if part.raw == nil {
			continue
		}
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return err
		}
	}
	return nil
}
