package notify

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// oldResponses are the responses of an import of which one mail tells its recipient.
type oldResponses struct {
	CreatedAt       time.Time // of the import
	CasesPastTarget int       // of the whole import
	Assigned, Told  int       // see importer.Digest
}

// loadOld loads the data of a mail about the old responses of an import. The name of the file stays out: it may be a customer's.
func (m *mailData) loadOld(db *gorm.DB) error {
	m.old = new(oldResponses)
	err := db.Raw(`SELECT i.created_at, i.cases_past_target, d.assigned, d.told FROM import_digests d JOIN imports i ON i.id = d.import_id
		WHERE d.import_id = ? AND d.to_fold = ?`, m.notification.ImportID, model.Fold(m.notification.To)).Scan(m.old).Error
	if err != nil {
		err = fmt.Errorf("read the old responses of an import: %w", err)
	}
	return errors.Join(err, m.loadZone(db))
}

func (m *mailData) oldView(public string) *view {
	v := &view{
		Headline: "An import brought old responses", Link: public + "/", LinkText: "Open closeloop",
		Why: "You get this mail instead of one for each response, because a rule assigned cases to you or alerts you to such responses, and they came too late to be followed up in time.",
	}
	v.Subject = v.Headline
	if m.old.Assigned > 0 {
		v.Subject += fmt.Sprintf(": %s yours", count(m.old.Assigned, "case is", "cases are"))
	}
	for _, f := range []fact{
		{"Yours", number(m.old.Assigned, "case was assigned to you", "cases were assigned to you")},
		{"Alerts", number(m.old.Told, "response matches a rule that alerts you", "responses match a rule that alerts you")},
		{"In all", number(m.old.CasesPastTarget, "case was past its target when it opened", "cases were past their target when they opened")},
		{"Imported", m.time(&m.old.CreatedAt)},
	} {
		if f.Value != "" {
			v.Facts = append(v.Facts, f)
		}
	}
	return v
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// number is count, empty for none.
func number(n int, one, many string) string {
	if n == 0 {
		return ""
	}
	return count(n, one, many)
}
