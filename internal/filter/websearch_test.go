package filter

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestFullText(t *testing.T) {
	t.Parallel()
	t.Run("finds what was typed on a telephone as if it was typed on a keyboard, and the reverse", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		byTable, byIndex := without(t, db, "enable_indexscan", "enable_bitmapscan"), without(t, db, "enable_seqscan")
		comment(t, db.Gorm, map[string]*string{
			"1": new("I can't co-operate."), "2": new("I can’t co\u2011operate."), "3": new("I canʼt co\u00adoperate."), "4": new("Great\u00a0crew – “very nice”\u202f…"),
			"5": new("Great crew, very bad. Cafe"), "6": new("Le café «\u00a0Flore\u00a0» est fermé"), "7": new("an\u200cother co\u200boperate"),
			"8": new("顧客サービスの対応が悪い。crew iPhone15を買った"), "9": new("座席が壊れていて、crewは親切でした"), "A": new("อาหารอร่อยมาก ราคาแพง"), "B": new("ອາຫານແຊບຫຼາຍ"),
			"C": new("ម្ហូបឆ្ងាញ់ណាស់"), "D": new("အစားအစာကောင်းတယ်"), "E": new("很差的服务，不会再来"), "F": nil, "G": new("100%の顧客_満足"),
		})
		for search, want := range map[string]string{
			"can't": "1, 2, 3", "can’t": "1, 2, 3", "CANʼT": "1, 2, 3", "can‛t": "1, 2, 3", "can‘t": "1, 2, 3", "can´t": "1, 2, 3", "cant": "",
			"co-operate": "1, 2", "co‑operate": "1, 2", "co‐operate": "1, 2", "co–operate": "1, 2", "cooperate": "3, 7", "co\u00adoperate": "3, 7", "an\u200dother": "7",
			`"great crew"`: "4, 5", "“great crew”": "4, 5", "„great\u00a0crew“": "4, 5", "«great crew»": "4, 5", "great —nice": "5", "great – nice": "4", "great - nice": "4",
			"cafe": "5", "café": "6", "CAFE\u0301": "6", "\u00ad": "1, 2, 3, 4, 5, 6, 7, 8, 9, A, B, C, D, E, F, G", "—": "", "…": "",
			"顧客": "8, G", "客サ": "8", "顧客 crew": "8", "crew": "4, 5, 8", "CREWは": "9", "顧客 座席": "", "顧客 or 座席": "8, 9, G", "顧客 -crew": "G", "crew -顧客": "4, 5", "-顧客 crew": "4, 5",
			"-顧客": "1, 2, 3, 4, 5, 6, 7, 9, A, B, C, D, E", "対応が悪い": "8", "対応、悪い": "8", "\"悪い。crew\"": "8", "“悪い。crew”": "8", "\"悪い crew\"": "", "悪い。 crew": "8",
			"great or 顧客": "4, 5, 8, G", "great crew or 座席 -nice": "4, 5, 9", "顧客 !!!": "8, G", "顧客 or -": "8, G", "iphone15を": "8", "顧客　悪い": "8",
			"顧客%満足": "G", "\"顧客_満足\"": "G", "\"顧客%満足\"": "", "0%の": "G", "サービス": "8", "さーびす": "", "อร่อย": "A", "ราคา อาหาร": "A", "ราคา -อาหาร": "", "ແຊບ": "B", "ឆ្ងាញ់": "C",
			"ကောင်း": "D", "服务": "E", "服務": "", "-服务 or 差": "1, 2, 3, 4, 5, 6, 7, 8, 9, A, B, C, D, E, G",
		} {
			f := new(Response)
			if err := f.UnmarshalGQL(map[string]any{"search": search}); err != nil {
				t.Fatal(err)
			}
			if got := findRows(t, byTable, byIndex, "responses", f.Where(moment), "external_id"); got != want {
				t.Errorf("%q finds %s; want %s", search, got, want)
			}
		}
	})

	// A search without such letters is PostgreSQL's, except that a dash between spaces is punctuation.
	t.Run("reads a search as PostgreSQL does", func(t *testing.T) {
		t.Parallel()
		_, r := rounds(t)
		db := pgtest.New(t, pgtest.Empty())
		searches := []string{`"a b" or c`, `a or "b c" d`, `"a or b" -"c d" e`, `a "or" b`, `-"a b"c or -d`, `a""b`, `a " b`}
		signs := []string{"a", "b", "c-d", "e'f", " ", " ", " ", "  ", " -", "\t", `\`, "'", "&", "|", "!", "(", ")", ":*", "<->", "100%", "ü", ",", "."}
		for i := range 2_000 {
			// Not both: next to odd quotation marks, PostgreSQL takes some words 'or' for the operator although nothing follows.
			from := append(signs[:len(signs):len(signs)], []string{`"`, "or"}[i%2], []string{`"`, " or "}[i%2])
			var b strings.Builder
			for range r.IntN(12) {
				b.WriteString(from[r.IntN(len(from))])
			}
			searches = append(searches, b.String())
		}
		for _, search := range searches {
			if strings.HasSuffix(search, "-") || strings.Contains(search, "- ") || strings.Contains(search, "-\t") {
				continue
			}
			_, values := FullText(search)
			var same bool
			if err := db.Gorm.Raw("SELECT websearch_to_tsquery('simple', ?)::text = websearch_to_tsquery('simple', ?)::text", search, values[0]).Scan(&same).Error; err != nil {
				t.Fatal(err)
			}
			if !same {
				t.Errorf("PostgreSQL reads %q otherwise than %q", search, values[0])
			}
		}
	})
}

func FuzzFullText(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		f.Add(composed(r) + " -顧客 or \"" + composed(r))
	}
	f.Fuzz(func(t *testing.T, search string) {
		condition, values := FullText(search)
		if sql := condition("x.comment_fold"); strings.Count(sql, "?") != len(values) || strings.Count(sql, "(") != strings.Count(sql, ")") {
			t.Errorf("%q: %s with %d values", search, sql, len(values))
		}
	})
}
