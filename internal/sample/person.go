package sample

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
	"golang.org/x/text/unicode/norm"

	"github.com/closeloop/closeloop/internal/customer"
)

// idPrefix begins the external id of each invented customer and distinguishes it from real customers.
const idPrefix = "sample-"

const (
	segmentEnterprise = "Enterprise"
	segmentMid        = "Mid-market"
	segmentSmall      = "Small business"
	segmentConsumer   = "Consumer"
)

var plans = []string{"Starter", "Team", "Business"}

// companyRoots are invented; a company's name is a root and the company form of its country.
var companyRoots = []string{
	"Aldermoor", "Brindel", "Cavanta", "Dorvik", "Elmhollow", "Fenbrook", "Galdiva", "Hartwyn", "Ilvara", "Jorvane",
	"Kestrova", "Lumara", "Marendi", "Norvello", "Ostreva", "Pellworth", "Quillane", "Rivenna", "Silvane", "Tarvendo",
	"Ulmora", "Vestrel", "Wyndale", "Yarrowby", "Zelvanta", "Orrinde", "Tessaly", "Havemark", "Calderyn", "Mirandel",
}

// person is an invented customer in its current state.
type person struct {
	place *place
	mood  float64 // the score on an average day
	data  customer.CustomerInput
}

func newPerson(d *rand.Rand, id string) *person {
	p := &person{place: randomPlace(d), mood: newMood(d)}
	first, firstLatin := splitName(pick(d, p.place.first))
	last, lastLatin := splitName(pick(d, p.place.last))
	in := &p.data
	in.ExternalID = new(idPrefix + id)
	in.FirstName, in.LastName = omittable(first), omittable(last)
	in.Country = omittable(p.place.country)

	segment, domain := segmentConsumer, "post.example"
	if chance(d, 0.84) {
		var name string
		name, domain, segment = p.place.employer(d)
		in.Company = omittable(name)
	}
	in.Segment = omittable(segment)
	in.LifetimeValue = graphql.OmittableOf(new(decimal.New(randomValue(d, segment), -2)))
	if chance(d, 0.9) {
		in.Email = omittable(firstLatin + "." + lastLatin + "@" + domain)
	}
	if chance(d, 0.6) {
		in.Phone = omittable(phone(d, p.place))
	}
	switch roll := d.Float64(); {
	case roll < 0.06:
		in.AccountManagerEmail = omittable(formerManager)
	case roll < 0.92:
		in.AccountManagerEmail = omittable(p.place.manager)
	}
	if chance(d, 0.7) {
		in.AgentEmail = omittable(p.place.manager)
	}
	in.Attributes = []*customer.AttributeInput{{Key: "Plan", Value: pick(d, plans)}}
	return p
}

// changeDetails changes one detail of a customer, as the source of the data may do between two responses.
func changeDetails(d *rand.Rand, in *customer.CustomerInput, at *place) {
	switch d.IntN(4) {
	case 0:
		if value, _ := in.LifetimeValue.ValueOK(); value != nil {
			grown := value.Mul(decimal.New(int64(105+d.IntN(60)), -2)).Round(2)
			in.LifetimeValue = graphql.OmittableOf(&grown)
			return
		}
		in.LifetimeValue = graphql.OmittableOf(new(decimal.New(randomValue(d, segmentSmall), -2)))
	case 1:
		others := []string{thiago, lena, chloe, amara, haruka}
		in.AccountManagerEmail = omittable(pick(d, others))
	case 2:
		in.Phone = omittable(phone(d, at))
	case 3: // a new slice: earlier submissions still refer to the old slice
		in.Attributes = []*customer.AttributeInput{{Key: "Plan", Value: pick(d, plans) + " " + pick(d, []string{"monthly", "yearly"})}}
	}
}

func randomPlace(d *rand.Rand) *place {
	all := 0
	for i := range places {
		all += places[i].weight
	}
	roll := d.IntN(all)
	for i := range places {
		if roll -= places[i].weight; roll < 0 {
			return &places[i]
		}
	}
	panic("sample: the weights of places do not add up")
}

// employer returns one of the companies of the place. A company always has the same segment.
func (p *place) employer(d *rand.Rand) (name, domain, segment string) {
	nth := int(p.dial[1])*7 + len(p.company) + d.IntN(2+p.weight/2)*5
	root := companyRoots[nth%len(companyRoots)]
	segment = segmentSmall
	switch nth % 7 {
	case 0:
		segment = segmentEnterprise
	case 1, 2:
		segment = segmentMid
	}
	return root + " " + p.company, strings.ToLower(root) + ".example", segment
}

// randomValue returns a lifetime value in cents.
func randomValue(d *rand.Rand, segment string) int64 {
	typical := 900_00
	switch segment {
	case segmentEnterprise:
		typical = 210_000_00
	case segmentMid:
		typical = 38_000_00
	case segmentSmall:
		typical = 5_200_00
	}
	return int64(float64(typical) * (0.2 + d.ExpFloat64()))
}

// phone returns a number that belongs to no one: films use 555 01 for this reason.
func phone(d *rand.Rand, p *place) string { return fmt.Sprintf("%s 555 01%02d", p.dial, d.IntN(100)) }

// newMood returns an average score: many customers are very satisfied, most are content, some are not.
func newMood(d *rand.Rand) float64 {
	switch roll := d.Float64(); {
	case roll < 0.4:
		return 9.7
	case roll < 0.78:
		return 8.2
	}
	return 4.6
}

// splitName splits an entry of the table of names into the name as written and its ASCII form for an e-mail address.
func splitName(name string) (written, latin string) {
	written, latin, ok := strings.Cut(name, "|")
	if !ok {
		latin = written
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.NewReplacer("ß", "ss", "Ł", "L", "ł", "l", "Đ", "D", "đ", "d").Replace(latin)) {
		if r < unicode.MaxASCII && unicode.IsLetter(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return written, b.String()
}

func omittable(s string) graphql.Omittable[*string] { return graphql.OmittableOf(&s) }
