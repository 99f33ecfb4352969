package sample

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/model"
)

func TestLanguages(t *testing.T) {
	t.Parallel()
	t.Run("have every part", func(t *testing.T) {
		t.Parallel()
		seen := map[string]string{}
		for code, w := range languages {
			parts := []string{w.callMe}
			for tone := range tones {
				if len(w.openings[tone]) == 0 {
					t.Errorf("%s: there is no opening for tone %d", code, tone)
				}
				parts = append(parts, w.openings[tone]...)
			}
			parts = append(append(append(parts, w.bad[:]...), w.fair[:]...), w.good[:]...)
			for i, part := range parts {
				last, _ := lastRune(part)
				if strings.TrimSpace(part) != part || !strings.ContainsRune(".!?。！", last) {
					t.Errorf("%s: part %d is not a sentence: %q", code, i, part)
				}
				if other, doubled := seen[part]; doubled && other == code {
					t.Errorf("%s has a duplicate part: %q", code, part)
				}
				seen[part] = code
			}
		}
	})
}

func lastRune(s string) (last rune, ok bool) {
	for _, r := range s {
		last, ok = r, true
	}
	return last, ok
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	t.Run("have names, languages and a manager", func(t *testing.T) {
		t.Parallel()
		managers := map[string]bool{}
		for _, m := range team {
			managers[m.email] = m.role == model.Agent || m.role == model.Manager
		}
		for _, p := range places {
			if _, ok := country.Parse(p.country); !ok {
				t.Errorf("%s is not a country", p.country)
			}
			if !managers[p.manager] {
				t.Errorf("%s: no case can be assigned to %s", p.country, p.manager)
			}
			for _, code := range p.languages {
				if languages[code] == nil {
					t.Errorf("%s: there is no language %q", p.country, code)
				}
			}
			// Each customer has a different name, so there must be more names than customers.
			if len(p.first)*len(p.last) < 3*p.weight {
				t.Errorf("%s has fewer names than customers", p.country)
			}
			for _, name := range append(append([]string{}, p.first...), p.last...) {
				if written, latin := splitName(name); written == "" || len(latin) < 2 || strings.Contains(written, "|") {
					t.Errorf("%s: %q is written %q and spelled %q", p.country, name, written, latin)
				}
			}
		}
	})
}

func TestComment(t *testing.T) {
	t.Parallel()
	t.Run("fits its score", func(t *testing.T) {
		t.Parallel()
		d := dice(diceAnswers, 7)
		for score := range 11 {
			tone := toneOf(score)
			for range 50 {
				said := comment(d, &wordsEnglish, tone, price, false)
				rest, fits := strings.CutSuffix(said, wordsEnglish.about(tone)[price])
				rest = strings.TrimSpace(rest)
				for _, opening := range wordsEnglish.openings[tone] {
					if rest == opening {
						rest, fits = "", true
					}
				}
				if !fits || rest != "" {
					t.Fatalf("the comment of score %d is %q", score, said)
				}
			}
		}
	})
}

func TestNote(t *testing.T) {
	t.Parallel()
	t.Run("exists for every action and topic", func(t *testing.T) {
		t.Parallel()
		d := dice(diceWork, 7)
		for do := start; do <= reassign; do++ {
			for _, r := range []*model.Response{nil, {Score: 2}, {Score: 2, Drivers: []string{"?", "Price"}}, {Score: 9, Drivers: []string{"Price"}}} {
				if note(d, do, r) == "" {
					t.Errorf("action %d has no note", do)
				}
			}
		}
		for _, about := range complaintNotes {
			if len(about.starting) == 0 || len(about.progress) == 0 || len(about.resolved) == 0 {
				t.Errorf("notes are missing: %+v", about)
			}
		}
		if got, ok := topicOf(&model.Response{Drivers: []string{"?", "Price"}}); !ok || got != price {
			t.Errorf("the topic is %v", got)
		}
	})
}
