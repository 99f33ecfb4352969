package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	header = "response,customer,mail,first,last,company,country,segment,value,manager,score,comment,drivers,contact,survey,at,route,cabin"
	plain  = `CREATE TABLE plain (response text, customer text, mail text, first text, last text, company text, country text, segment text, value text,
		manager text, score text, comment text, drivers text, contact text, survey text, at text, route text, cabin text)`
)

var columns = importer.Columns{
	ResponseExternalID: "response", CustomerExternalID: "customer", Email: "mail", FirstName: "first", LastName: "last", Company: "company",
	Country: "country", Segment: "segment", LifetimeValue: "value", AccountManagerEmail: "manager", Score: "score", Comment: "comment",
	Drivers: "drivers", ContactRequested: "contact", Survey: "survey", RespondedAt: "at",
}

// generate writes a file with a realistic distribution and returns its size in bytes. Few countries have most customers.
// Half of the customers answer once, one in fifty about twenty times, and their data changes now and then. Three responses
// in ten are detractors; six in ten have a comment of five to forty words.
func generate(path string, n int) int64 {
	out, err := os.Create(path)
	check(err)
	buffer := bufio.NewWriter(out)
	w := csv.NewWriter(buffer)
	check(w.Write(strings.Split(header, ",")))
	random := rand.New(rand.NewPCG(1, 2))
	began := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		customer := random.IntN(1 + n/2)
		if random.IntN(10) < 4 {
			customer = random.IntN(1 + n/50)
		}
		own := rand.New(rand.NewPCG(3, uint64(customer))) // for values that stay the same for one customer
		check(w.Write([]string{
			fmt.Sprintf("R-%07d", i), fmt.Sprintf("C-%06d", customer), fmt.Sprintf("c%d@mail%d.example", customer, customer%50),
			one(own, names), one(own, names), "Company " + fmt.Sprint(own.IntN(1+n/50)), countries[skewed(own, len(countries))],
			one(own, []string{"Business", "Leisure", "Gold"}), value(own, random), "am@care.example",
			fmt.Sprint(score(random)), comment(random), one(random, []string{"", "crew", "seat;food", "price"}), one(random, []string{"no", "no", "no", "yes"}),
			"Relationship", began.Add(time.Duration(float64(i) / float64(n) * float64(365*24*time.Hour))).Format(time.RFC3339),
			fmt.Sprintf("%s-%s", one(random, airports), one(random, airports)), one(random, []string{"Economy", "Business"}),
		}))
	}
	w.Flush()
	check(w.Error())
	check(buffer.Flush())
	info, err := out.Stat()
	check(err)
	check(out.Close())
	return info.Size()
}

func value(own, random *rand.Rand) string {
	if random.IntN(20) > 0 {
		random = own
	}
	return fmt.Sprintf("%d.%02d", random.IntN(20_000), random.IntN(100))
}

func score(random *rand.Rand) int {
	switch x := random.IntN(10); {
	case x < 3:
		return random.IntN(7)
	case x < 6:
		return 7 + random.IntN(2)
	}
	return 9 + random.IntN(2)
}

func comment(random *rand.Rand) string {
	if random.IntN(10) >= 6 {
		return ""
	}
	chosen := make([]string, 5+random.IntN(36))
	for i := range chosen {
		chosen[i] = words[skewed(random, len(words))]
	}
	return strings.Join(chosen, " ") + "."
}

func skewed(random *rand.Rand, n int) int { return int(float64(n) * math.Pow(random.Float64(), 3)) }

func one(random *rand.Rand, list []string) string { return list[random.IntN(len(list))] }

var (
	countries = []string{"DE", "GB", "US", "FR", "BR", "NL", "ES", "IT", "CH", "AT", "BE", "PL", "SE", "DK", "NO", "PT", "IE", "FI", "CZ", "JP"}
	names     = strings.Fields("Ana Bo Carla Dieter Eva Franz Greta Hugo Ines Jan Karin Luis Maria Nils Olga Paul Rita Sven Tina Uwe Souza Meyer Smith Jones Silva Garcia Rossi Weber")
	airports  = strings.Fields("AMS LHR CDG FRA GRU JFK MAD FCO ZRH VIE BRU WAW ARN CPH OSL LIS")
	words     = strings.Fields("the and was to a I seat flight of in for crew on with very it not food that we service good were but had my this is delay staff comfortable legroom " +
		"hours late cabin friendly at they have from so no would all be again plane boarding luggage lost nobody called helpful clean old broken screen entertainment upgrade " +
		"price value expensive cheap connection missed gate queue waiting refund voucher website booking app check-in lounge breakfast coffee vegetarian meal cold warm noisy " +
		"window aisle toilet dirty pilot captain announcement smooth landing turbulence thanks excellent terrible never always recommend family children wheelchair assistance")
)

// addRules adds a rule that opens a case for each detractor and assigns it to three agents in turn, a rule that mails the
// account manager when a customer asks for a call, and a theme.
func addRules(db *pg.DB) {
	now := time.Now().UTC()
	create := func(row any) { check(db.Gorm.Create(row).Error) }
	opens := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Name: "Detractors", Enabled: true, Position: 1, Scores: []int{0, 1, 2, 3, 4, 5, 6}, OpensCase: true,
		Strategy: model.RoundRobin, FollowUpTarget: new(model.Duration(48 * time.Hour)), CreatedAt: now, UpdatedAt: now}
	calls := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Name: "Call them", Enabled: true, Position: 2, Scores: []int{}, ContactRequested: new(true),
		Filter: []byte(`{"customer":{"segment":{"in":["Business","Gold"]}}}`), Strategy: model.Unassigned, CreatedAt: now, UpdatedAt: now}
	create(opens)
	create(calls)
	create(&model.Recipient{RuleID: calls.ID, Kind: model.RecipientAccountManager})
	for i := range 3 {
		u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: fmt.Sprint("Agent ", i), Email: fmt.Sprintf("a%d@care.example", i), Role: model.Agent, Active: true, CreatedAt: now}
		u.Fold()
		create(u)
		create(&model.Assignee{RuleID: opens.ID, Ordinal: i, UserID: u.ID})
	}
	theme := &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: "Seats", NameFold: "seats", Keywords: model.Strings{"seat*", "legroom"}, Effort: model.Medium, CreatedAt: now, UpdatedAt: now}
	create(theme)
}
