package keyword_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/model"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                              nil,
		" … — ! ":                       nil,
		"Seat's legroom: 3.5in":         {"seat", "s", "legroom", "3", "5in"},
		"Comfortable.The seats,were":    {"comfortable", "the", "seats", "were"},
		"Straße STRASSE":                {"strasse", "strasse"},
		"Cafe\u0301 CAFÉ":               {"café", "café"},
		"座席が狭い":                         {"座", "席", "が", "狭", "い"},
		"I canʼt co\u00adoperate":       {"i", "can", "t", "cooperate"},
		"Он не ПРИШЁЛ":                  {"он", "не", "пришёл"},
		"half_done re-book e-mail O’Ne": {"half_done", "re", "book", "e", "mail", "o", "ne"},
		"नमस्ते दुनिया":                 {"नमस्ते", "दुनिया"},
		"👍🏽great🎉":                      {"great"},
	} {
		if got := keyword.Words(text); !slices.Equal(got, want) {
			t.Errorf("Words(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	t.Run("finds a whole word, a phrase or a prefix", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			keyword, text string
			found         bool
		}{
			{"seat", "The SEAT broke", true},
			{"seat", "seats", false},
			{"seat", "backseat", false},
			{"seat", "seat.", true},
			{"seat*", "The seats", true},
			{"seat*", "seat", true},
			{"seat*", "backseat", false},
			{"leg room", "No leg room at all", true},
			{"leg room", "no leg-room", true},
			{"leg-room", "no leg room", true},
			{"leg room", "the room of my leg", false},
			{"leg room", "leg", false},
			{"cust* serv*", "Customer services", true},
			{"cust* serv*", "customer is served", false},
			{"STRASSE", "die Straße", true},
			{"café", "cafe\u0301", true},
			{"cafe", "café", false}, // accents count
			{"座席", "この座席は", true},
			{"座席", "席座", false},
			{"été", "ÉTÉ", true},
			{"can't", "I can’t wait", true},
			{"can’t", "I can't wait", true},
			{"can't", "I CANʼT wait", true}, // a letter, in Unicode
			{"can't", "I cant wait", false},
			{"co-operate", "co\u2011operate", true},
			{"cooperate", "co\u00adoperate", true},
			{"cooper*", "co\u200boperate", true},
			{"leg room", "no leg\u202froom", true},
			{"顧客", "顧\u200b客サービス", true},
		} {
			theme := &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Keywords: model.Strings{c.keyword}}
			set, err := keyword.Compile([]*model.Theme{theme})
			if err != nil {
				t.Fatal(err)
			}
			if got := set.Match(c.text); (len(got) == 1 && got[0] == theme.ID) != c.found || len(got) > 1 {
				t.Errorf("keyword %q in %q: matched %v, want a match: %t", c.keyword, c.text, got, c.found)
			}
		}
	})

	t.Run("finds each theme once, in order", func(t *testing.T) {
		t.Parallel()
		var themes []*model.Theme
		for _, words := range []string{"crew,staff", "", "food*,meal", "delay*", "staff"} {
			themes = append(themes, &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Keywords: strings.FieldsFunc(words, func(r rune) bool { return r == ',' })})
		}
		set, err := keyword.Compile(themes)
		if err != nil {
			t.Fatal(err)
		}
		want := []model.ThemeID{themes[0].ID, themes[2].ID, themes[4].ID}
		if got := set.Match("The food, the meal and the foodie staff; the crew!"); !slices.Equal(got, want) {
			t.Errorf("Match returned %v, want %v", got, want)
		}
		if got := set.Match("Nothing of it"); got != nil {
			t.Errorf("Match returned %v for a text without keywords", got)
		}
		themes[0].Keywords = model.Strings{"*"}
		if _, err := keyword.Compile(themes); err == nil {
			t.Error("Compile accepts a keyword without words")
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", " ", "*", "!?", "se*at", "*seat", "seat *", "seat**", strings.Repeat("x", 101), "a b c d e f g h i j k"} {
		if keyword.Check(wrong) == nil {
			t.Errorf("Check accepts %q", wrong)
		}
	}
	for _, right := range []string{"seat", "seat*", "leg room", "leg* room*", "3G", "don't", strings.Repeat("x", 100)} {
		if err := keyword.Check(right); err != nil {
			t.Errorf("Check refuses %q: %v", right, err)
		}
	}
}

func TestStopWords(t *testing.T) {
	t.Parallel()
	stop := keyword.StopWords()
	for _, w := range []string{"the", "und", "não", "pero", "été", "don", "t"} {
		if !stop[w] {
			t.Errorf("%q is not a stop word", w)
		}
	}
	for _, w := range []string{"seat", "sitz", "assento", "asiento", "siège"} {
		if stop[w] {
			t.Errorf("%q is a stop word", w)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, seed := range []string{"Seat's 3.5", "Straße", "座席", "e\u0301", "\xff", "a*b", "𝔄𝔅"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := keyword.Words(text)
		for _, w := range words {
			if again := keyword.Words(w); len(again) == 0 {
				t.Errorf("Words(%q) contains %q, but Words(%q) is empty", text, w, w)
			}
			if keyword.Check(w) != nil {
				continue // too long
			}
			set, err := keyword.Compile([]*model.Theme{{Keywords: model.Strings{w}}})
			if err != nil || len(set.Match(text)) != 1 {
				t.Errorf("Words(%q) contains %q, but the keyword does not match the text (%v)", text, w, err)
			}
		}
	})
}
