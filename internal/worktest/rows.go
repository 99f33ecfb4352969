package worktest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/closeloop/closeloop/model"
)

// CasesOf counts the cases that are assigned to the user.
func (w *World) CasesOf(u *model.User) int {
	w.T.Helper()
	return w.Count("SELECT count(*) FROM cases WHERE assignee_id = $1", u.ID.UUID)
}

// MailsOf gives the addresses of all mails of a kind, sorted.
func (w *World) MailsOf(kind string) (to []string) {
	w.T.Helper()
	err := w.DB.Gorm.Raw(`SELECT "to" FROM notifications WHERE kind = ? ORDER BY "to"`, kind).Scan(&to).Error
	if err != nil {
		w.T.Fatal(err)
	}
	return to
}

// Mails gives the kind and the address of each mail, sorted.
func (w *World) Mails() (list []string) {
	w.T.Helper()
	if err := w.DB.Gorm.Raw(`SELECT kind || ' ' || "to" FROM notifications`).Scan(&list).Error; err != nil {
		w.T.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// Notes gives the notes of a case, which must have some, oldest first.
func (w *World) Notes(id model.CaseID) (notes []model.Note) {
	w.T.Helper()
	if err := w.DB.Gorm.Where("case_id = ?", id).Order("created_at, id").Find(&notes).Error; err != nil {
		w.T.Fatal(err)
	}
	if len(notes) == 0 {
		w.T.Fatal("the case has no notes")
	}
	return notes
}

// tables names all tables of the database, those of the job queue too.
func (w *World) tables() (names []string) {
	w.T.Helper()
	err := w.DB.Gorm.Raw(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`).Scan(&names).Error
	if err != nil || len(names) < 20 {
		w.T.Fatal(names, err)
	}
	return names
}

// TablesWith names the tables of which a row, as text, contains the word.
func (w *World) TablesWith(word string) (found []string) {
	w.T.Helper()
	for _, table := range w.tables() {
		if w.Count(`SELECT count(*) FROM "`+table+`" x WHERE x::text ILIKE '%' || $1 || '%'`, word) > 0 {
			found = append(found, table)
		}
	}
	return found
}

// Fingerprint is a text that differs when a row of any table differs.
func (w *World) Fingerprint() string {
	w.T.Helper()
	var all strings.Builder
	for _, table := range w.tables() {
		var print string
		err := w.DB.Gorm.Raw(`SELECT coalesce(md5(string_agg(x::text, ',' ORDER BY x::text)), '') FROM "` + table + `" x`).Scan(&print).Error
		if err != nil {
			w.T.Fatal(err)
		}
		fmt.Fprintln(&all, table, print)
	}
	return all.String()
}

// Exec runs a statement, and gives its error.
func (w *World) Exec(sql string, args ...any) error {
	_, err := w.DB.Pool.Exec(w.T.Context(), sql, args...)
	return err
}

// Counts asserts how many rows each table has.
func (w *World) Counts(want map[string]int) {
	w.T.Helper()
	for table, n := range want {
		if got := w.Count("SELECT count(*) FROM " + table); got != n {
			w.T.Errorf("%d rows of %s, not %d", got, table, n)
		}
	}
}

// Events gives the events of a case, by version.
func (w *World) Events(id model.CaseID) (rows []model.Event) {
	w.T.Helper()
	if err := w.DB.Gorm.Where("case_id = ?", id).Order("version").Find(&rows).Error; err != nil {
		w.T.Fatal(err)
	}
	return rows
}

// CheckJobs asserts that each mail has one job, and each job one mail.
func (w *World) CheckJobs() {
	w.T.Helper()
	n := w.Count(`SELECT count(*) FROM notifications n FULL JOIN river_job j ON j.kind = 'send_mail' AND j.args->>'notificationId' = n.id::text
		WHERE n.id IS NULL OR j.id IS NULL`)
	if n != 0 {
		w.T.Errorf("%d mails have no job, or jobs no mail", n)
	}
	if mails, jobs := w.Count("SELECT count(*) FROM notifications"), w.Count("SELECT count(*) FROM river_job"); mails != jobs {
		w.T.Errorf("%d mails, %d jobs", mails, jobs)
	}
}

// Same reports whether both are nil, or point to equal values.
func Same[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
