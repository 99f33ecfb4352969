package model_test

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/model"
)

func BenchmarkFold(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"folded", "the seat was broken, and the crew did not care."},
		{"ASCII", "The seat was broken, and the crew did not care."},
		{"iPhone", "The seat’s broken – and the crew didn’t care…"},
		{"German", "Der Sitz war kaputt, und die Crew hätte sich kümmern müssen."},
		{"Japanese", "座席が壊れていて、顧客サービスも対応してくれませんでした。"},
	} {
		for _, n := range []int{1, 20} {
			text := strings.Repeat(c.text+" ", n)
			b.Run(c.name+"/"+map[int]string{1: "sentence", 20: "comment"}[n], func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					model.Fold(text)
				}
			})
		}
	}
}
