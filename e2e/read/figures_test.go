package read

import (
	"fmt"
	"math"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestNpsReport(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	if code := s.ImportReviews().Exit(); code != 2 {
		t.Fatalf("exit code %d", code)
	}
	type figures struct {
		Responses, Promoters, Passives, Detractors int
		Nps                                        float64
	}
	plain := `count(*) AS responses, count(*) FILTER (WHERE r.score >= 9) AS promoters, count(*) FILTER (WHERE r.score IN (7, 8)) AS passives,
		count(*) FILTER (WHERE r.score <= 6) AS detractors, 100.0 * (count(*) FILTER (WHERE r.score >= 9) - count(*) FILTER (WHERE r.score <= 6)) / count(*) AS nps`
	same := func(what string, got setup.Tree, want figures) {
		t.Helper()
		have := figures{got.Number("responses"), got.Number("promoters"), got.Number("passives"), got.Number("detractors"), want.Nps}
		nps, _ := got.At("nps").V.(float64)
		if have != want || math.Abs(nps-want.Nps) > 0.05+1e-9 {
			t.Errorf("%s: %v; want %+v", what, got.V, want)
		}
	}
	const fields = `responses promoters passives detractors nps marginOfError`
	whole := s.OK(model.Partner, `{npsReport {`+fields+`}}`, nil).At("npsReport")
	same("all", whole, figures{1300, 231, 308, 761, -40.8}) // counted by internal/importer/testdata/count.py
	if whole.At("nps").V != -40.8 {                         // to one decimal
		t.Errorf("the score is %v", whole.At("nps").V)
	}
	for by, key := range map[string]string{
		"SEGMENT": "lower(c.segment)", "COUNTRY": "c.country", "COMPANY": "lower(c.company)", "SCORE": "r.score::text",
		"MONTH": "to_char(r.responded_at AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM-01')",
	} {
		var rows []struct {
			Key     *string
			Figures figures `gorm:"embedded"`
		}
		err := s.App.DB.Gorm.Raw("SELECT " + key + " AS key, " + plain + " FROM responses r JOIN customers c ON c.id = r.customer_id GROUP BY 1").Scan(&rows).Error
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]figures{}
		for _, row := range rows {
			want[fmt.Sprint(by, " ", value(row.Key))] = row.Figures
		}
		groups := s.OK(model.Partner, `query ($by: ResponseGroupBy) {npsReport(groupBy: $by, first: 1000, timeZone: "Asia/Kolkata") {groups {key label `+fields+`}}}`,
			vars{"by": by}).List("npsReport.groups")
		for _, group := range groups {
			key := "none"
			if !group.Missing("key") {
				key = group.Text("key")
			}
			name := fmt.Sprint(by, " ", key)
			if by == "MONTH" && group.Number("responses") == 0 { // a month without responses
				continue
			}
			if _, there := want[name]; !there {
				t.Errorf("%s is a group that SQL does not know", name)
				continue
			}
			same(name, group, want[name])
			delete(want, name)
		}
		if len(want) > 0 || len(rows) < 2 {
			t.Errorf("by %s, these of %d groups are not there: %v", by, len(rows), want)
		}
	}
}

func value(key *string) string {
	if key == nil {
		return "none"
	}
	return *key
}
