package setup

import (
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// Reviews is a file of 1,300 made-up responses, and two rows that cannot be read. internal/importer/testdata/count.py, which
// shares no code with the program, counts the figures that tests assert about them.
const Reviews = "../../internal/importer/testdata/reviews.csv"

// ImportReviews runs `closeloop import` on the reviews as a process of its own.
func (s *Server) ImportReviews() *Program {
	s.T.Helper()
	return StartProgram(s.T, []string{"DATABASE_URL=" + pgtest.URL(s.T, s.App.DB)}, "import", Reviews,
		"--score", "overall_rating", "--responded-at", "date", "--comment", "content", "--full-name", "author",
		"--country", "author_country", "--company", "airline_name", "--segment", "cabin_flown", "--survey", "seats")
}

// Totals counts responses, customers and cases through the API.
func (s *Server) Totals() map[string]int {
	s.T.Helper()
	a := s.OK(model.Manager, `{all: responses {totalCount} customers {totalCount} cases {totalCount}
		detractors: responses(filter: {category: [DETRACTOR]}) {totalCount} passives: responses(filter: {category: [PASSIVE]}) {totalCount}
		promoters: responses(filter: {category: [PROMOTER]}) {totalCount}}`, nil)
	counted := map[string]int{}
	for _, name := range []string{"all", "customers", "cases", "detractors", "passives", "promoters"} {
		counted[name] = a.Number(name + ".totalCount")
	}
	return counted
}
