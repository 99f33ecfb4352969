package casework

import (
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// relations reads the rows of other tables that belong to the cases, in one statement and in the order of the ids.
const relations = `SELECT
	(SELECT jsonb_agg(rule_id ORDER BY ordinal) FROM case_rules WHERE case_id = c.id) AS rules,
	(SELECT jsonb_agg(jsonb_build_object('system', system, 'id', external_id, 'url', url) ORDER BY system COLLATE "C") FROM case_external_refs WHERE case_id = c.id) AS refs,
	(SELECT jsonb_agg(kind ORDER BY first) FROM (SELECT jsonb_strip_nulls(jsonb_build_object('channel', channel, 'offer', offer, 'outcome', outcome)) AS kind,
		min(version) AS first FROM case_events WHERE case_id = c.id AND type = 'OUTREACH_RECORDED' GROUP BY channel, offer, outcome) kinds) AS outreaches,
	(SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'effort', t.effort, 'resolvedAt', t.resolved_at) ORDER BY t.name_fold, t.id)
		FROM cases k JOIN response_themes x ON x.response_id = k.response_id JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL
		WHERE k.id = c.id) AS themes
	FROM unnest(CAST(? AS uuid[])) WITH ORDINALITY AS c(id, at) ORDER BY at`

// loadRelations fills the rules, references, outreaches and themes of the cases.
func loadRelations(tx *gorm.DB, cases ...*LockedCase) error {
	ids := make([]model.CaseID, len(cases))
	for i, c := range cases {
		ids[i] = c.ID
	}
	var rows []struct{ Rules, Refs, Outreaches, Themes []byte }
	if err := tx.Raw(relations, pg.Array(model.UUIDs(ids))).Scan(&rows).Error; err != nil {
		return fmt.Errorf("read the relations of a case: %w", err)
	}
	for i, c := range cases {
		row := &rows[i]
		for _, part := range []struct {
			raw  []byte
			into any
		}{{row.Rules, &c.RuleIDs}, {row.Refs, &c.ExternalRefs}, {row.Outreaches, &c.Outreaches}, {row.Themes, &c.Themes}} {
			if part.raw == nil {
				continue
			}
			if err := json.Unmarshal(part.raw, part.into); err != nil {
				return fmt.Errorf("read the relations of a case: %w", err)
			}
		}
	}
	return nil
}
