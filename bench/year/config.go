package year

import (
	"fmt"
	"log"

	"github.com/closeloop/closeloop/bench/program"
)

// Policy says which responses open a case.
type Policy struct {
	Always    int        // up to this score, every response
	OnRequest int        // up to this score, responses that ask for a call
	Requests  [3]float64 // the share of responses that ask for a call, of detractors, passives and promoters
}

// Usual opens a case for three responses in ten.
var Usual = Policy{Always: 6, OnRequest: 8, Requests: [3]float64{0.35, 0.05, 0.02}}

// Thorough opens a case for 64 responses in a hundred.
var Thorough = Policy{Always: 8, OnRequest: 9, Requests: [3]float64{0.35, 0.05, 0.32}}

// opens reports whether a response opens a case. The rules of Configure must agree.
func (p Policy) opens(score int, asks bool) bool {
	return score <= p.Always || score <= p.OnRequest && asks
}

func scores(from, to int) (all []int) {
	for s := from; s <= to; s++ {
		all = append(all, s)
	}
	return all
}

// configure creates users, rules and themes over the API, on a database that is empty.
func configure(s *program.Server, p Policy) {
	var agents []any
	for i := range 30 {
		user := program.Vars{"name": fmt.Sprintf("%s %s", firstNames[i], lastNames[i]), "email": fmt.Sprintf("agent%02d@example.com", i), "role": "AGENT"}
		made := program.Get[struct {
			CreateUser struct{ User struct{ ID string } }
		}](s, `mutation ($u: CreateUserInput!) {createUser(input: $u) {user {id}}}`, program.Vars{"u": user})
		agents = append(agents, made.CreateUser.User.ID)
	}
	for _, rule := range []program.Vars{
		{"name": "Low scores", "scores": scores(0, p.Always), "assignment": program.Vars{"strategy": "LEAST_BUSY", "userIds": agents}},
		{"name": "Higher scores that ask for a call", "scores": scores(p.Always+1, p.OnRequest), "contactRequested": true, "assignment": program.Vars{"strategy": "ROUND_ROBIN", "userIds": agents}},
		{"name": "Calls in the biggest markets", "contactRequested": true, "opensCase": false, "filter": program.Vars{"customer": program.Vars{"country": program.Vars{"in": []string{"US", "GB", "DE"}}}},
			"notify": []program.Vars{{"kind": "ADDRESS", "address": "desk@example.com"}}},
	} {
		s.Ask(`mutation ($r: CreateRuleInput!) {createRule(input: $r) {rule {id}}}`, program.Vars{"r": rule})
	}
	for i, theme := range [][]string{
		{"Seat", "seat", "chair", "legroom", "cushion", "armrest"}, {"Staff", "crew", "staff", "captain", "agent"}, {"Food", "food", "meal", "snack", "breakfast", "wine"},
		{"Delay", "delay*", "late", "schedule"}, {"Luggage", "luggage", "suitcase"}, {"Price", "price", "expensive"}, {"App", "app", "website", "password"},
		{"Support", "support", "hotline", "chatbot"}, {"Refund", "refund", "voucher"}, {"Cleanliness", "toilet", "dirty", "filthy", "spotless"}, {"Wi-Fi", "wifi"},
		{"Booking", "booking*", "checkout", "invoice"},
	} {
		s.Ask(`mutation ($t: CreateThemeInput!) {createTheme(input: $t) {theme {id}}}`, program.Vars{"t": program.Vars{"name": theme[0], "keywords": theme[1:], "effort": []string{"MEDIUM", "EASY", "HARD"}[i%3]}})
	}
}

func check(err error) {
	if err != nil {
		log.Panicf("%v", err)
	}
}
