package read_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	t.Run("finds users by what was typed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec("DELETE FROM users")
		for _, u := range [][2]string{
			{"Anna Maria Weiß", "a.weiss@north.example.com"}, {"Bernd ANKER", "bernd+desk@example.org"}, {"Élodie Sanna", "es_2@example.com"},
			{"100% Sure", "sure@example.com"}, {`Back\slash`, "back@example.com"}, {"Under_score", "under@example.com"}, {"Zoë", "zoe-k@example.net"},
		} {
			w.user(u[0], u[1], model.Agent)
		}
		for search, want := range map[string]string{
			"":              "100% Sure, Anna Maria Weiß, Back\\slash, Bernd ANKER, Under_score, Zoë, Élodie Sanna, ",
			"   ":           "100% Sure, Anna Maria Weiß, Back\\slash, Bernd ANKER, Under_score, Zoë, Élodie Sanna, ",
			"an":            "Anna Maria Weiß, Bernd ANKER, ", // not Sanna: the search must be a prefix of a word
			"ANNA":          "Anna Maria Weiß, ",
			"anna wei":      "Anna Maria Weiß, ", // every word
			"wei  anna":     "Anna Maria Weiß, ", // in any order
			"anna anker":    "",
			"weiss":         "Anna Maria Weiß, ", // ß folds to ss
			"WEIẞ":          "Anna Maria Weiß, ",
			"nna":           "",
			"a.weiss@north": "Anna Maria Weiß, ", // the beginning of an address
			"north":         "Anna Maria Weiß, ", // the beginning of a part of an address
			"desk":          "Bernd ANKER, ",
			"org":           "Bernd ANKER, ",
			"2":             "Élodie Sanna, ",
			"k@":            "",
			"k":             "Zoë, ",
			"E\u0301LODIE":  "Élodie Sanna, ", // É in two code points
			"elodie":        "",               // accents count
			"zoe":           "Zoë, ",          // by the address
			"%":             "",
			"100%":          "100% Sure, ",
			"_":             "",
			"under_s":       "Under_score, ",
			"underxs":       "",
			"u_der":         "",
			`back\s`:        `Back\slash, `,
			`\`:             "",
			"'; DROP":       "",
		} {
			got, err := w.read.Users(t.Context(), read.UserList{Filter: &read.UserFilter{Search: &search}})
			if err != nil {
				t.Errorf("%q: %v", search, err)
				continue
			}
			if found := names(got.Nodes(), func(u *model.User) string { return u.Name + "," }); found != want {
				t.Errorf("%q found %s; want %s", search, found, want)
			}
		}
	})

	t.Run("lists users by name, role and activity", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec("DELETE FROM users")
		for i, u := range []struct {
			name string
			role model.Role
		}{{"bob", model.Agent}, {"Ann", model.Admin}, {"CYD", model.Agent}, {"ann", model.Partner}, {"Dan", model.Manager}} {
			made := w.user(u.name, string(rune('a'+i))+"@example.com", u.role)
			if u.name == "CYD" {
				w.exec("UPDATE users SET active = false WHERE id = ?", made.ID)
			}
		}
		list := func(f *read.UserFilter) string {
			t.Helper()
			got := walk(t, "users", func(u *model.User) model.UserID { return u.ID }, count(t, w, f), func(args page.Args) (*page.Connection[model.User], error) {
				return w.read.Users(t.Context(), read.UserList{Args: args, Filter: f})
			})
			return names(got, func(u *model.User) string { return u.Name })
		}
		for want, f := range map[string]*read.UserFilter{
			"Ann ann bob CYD Dan ": nil, // the order ignores case; the older of two equal names comes first
			"bob CYD ":             {Role: []model.Role{model.Agent}},
			"ann bob CYD ":         {Role: []model.Role{model.Partner, model.Agent}},
			"CYD ":                 {Active: pointer(false)},
			"Ann ann bob Dan ":     {Active: pointer(true)},
			"":                     {Role: []model.Role{}},
			"ann ":                 {Role: []model.Role{model.Partner}, Active: pointer(true), Search: pointer("A")},
		} {
			if got := list(f); got != want {
				t.Errorf("%+v listed %s; want %s", f, got, want)
			}
		}
	})
}

func count(t *testing.T, w *world, f *read.UserFilter) int {
	t.Helper()
	c, err := w.read.Users(t.Context(), read.UserList{Filter: f})
	w.must(err)
	n, err := c.TotalCount(t.Context())
	w.must(err)
	return n
}

func TestNotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.user("Bob", "bob@example.com", model.Agent)
	customer := w.customer(nil)
	one, two := w.open(customer, nil, nil), w.open(customer, nil, nil)
	w.note(one, w.ann, "a", moment.Add(-3*time.Hour))
	w.note(two, w.ann, "b", moment.Add(-2*time.Hour))
	w.note(one, bob, "c", moment.Add(-time.Hour))
	w.note(two, bob, "d", moment)
	within := func(text string) *filter.Time { return parsed(t, text, new(filter.Time)) }
	for _, c := range []struct {
		f    *read.NoteFilter
		want string
	}{
		{nil, "a b c d "},
		{&read.NoteFilter{}, "a b c d "},
		{&read.NoteFilter{Case: []model.CaseID{one.ID}}, "a c "},
		{&read.NoteFilter{Case: []model.CaseID{one.ID, two.ID}}, "a b c d "},
		{&read.NoteFilter{Case: []model.CaseID{}}, ""},
		{&read.NoteFilter{Author: []model.UserID{bob.ID}}, "c d "},
		{&read.NoteFilter{Author: []model.UserID{}}, ""},
		{&read.NoteFilter{Case: []model.CaseID{one.ID}, Author: []model.UserID{bob.ID}}, "c "},
		{&read.NoteFilter{CreatedAt: within(`{"withinLast": "PT2H"}`)}, "b c d "},
		{&read.NoteFilter{CreatedAt: within(`{"gte": "2026-03-01T07:30:00Z", "lt": "2026-03-01T09:30:00Z"}`)}, "b c "},
		{&read.NoteFilter{Author: []model.UserID{w.ann.ID}, CreatedAt: within(`{"isNull": true}`)}, ""},
	} {
		got, err := w.read.Notes(t.Context(), everybody, read.NoteList{Filter: c.f})
		w.must(err)
		if found := names(got.Nodes(), func(n *model.Note) string { return n.Body }); found != c.want {
			t.Errorf("%+v listed %s; want %s", c.f, found, c.want)
		}
		if n, err := got.TotalCount(t.Context()); n != len(got.Edges) || err != nil {
			t.Errorf("%+v: totalCount is %d, %v; want %d", c.f, n, err, len(got.Edges))
		}
	}
	last, err := w.read.Notes(t.Context(), everybody, read.NoteList{Args: page.Args{Last: number(2)}})
	if err != nil || names(last.Nodes(), func(n *model.Note) string { return n.Body }) != "c d " || !last.PageInfo.HasPreviousPage {
		t.Errorf("the last two notes: got %v, %v, want c and d", last, err)
	}
}
