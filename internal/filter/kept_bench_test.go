package filter_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// BenchmarkMatch decides 300 filters, each an `or` of 330 contains, on a case with a comment of 19,000 characters: what
// one event costs where three sockets have 100 such subscriptions each.
func BenchmarkMatch(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 2000)
	for i := range words {
		letters := make([]byte, 3+random.IntN(8))
		for j := range letters {
			letters[j] = byte('a' + random.IntN(26))
		}
		words[i] = string(letters)
	}
	var text strings.Builder
	for text.Len() < 19_000 {
		text.WriteString(words[random.IntN(len(words))] + " ")
	}
	comment := "É" + text.String()[:19_000]
	needles := map[string]func(i, j int) string{
		"of other words": func(i, j int) string { return fmt.Sprintf("zq%dx%d", i, j) },
		"of two of its words": func(i, j int) string {
			return words[random.IntN(len(words))] + " " + words[random.IntN(len(words))] + "q"
		},
		"all equal": func(i, j int) string { return fmt.Sprintf("zq%d", j) },
	}
	for _, name := range []string{"of other words", "of two of its words", "all equal"} {
		b.Run(name, func(b *testing.B) {
			filters := make([]*filter.Case, 300)
			for i := range filters {
				var or []any
				for j := range 330 {
					or = append(or, map[string]any{"response": map[string]any{"comment": map[string]any{"contains": needles[name](i, j)}}})
				}
				filters[i] = new(filter.Case)
				if err := filters[i].UnmarshalGQL(map[string]any{"or": or}); err != nil {
					b.Fatal(err)
				}
			}
			snapshot := &model.Snapshot{Response: &model.Response{Comment: &comment}}
			b.ReportAllocs()
			for b.Loop() {
				s, _ := filter.Kept(snapshot, nil, time.Now())
				for _, f := range filters {
					if f.Match(s, model.UserID{}) {
						b.Fatal("matches")
					}
				}
			}
		})
	}
}
