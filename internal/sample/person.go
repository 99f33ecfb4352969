package sample

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
	"golang.org/x/text/unicode/norm"

	"github.com/closeloop/closeloop/internal/casework"
)

// idPrefix begins the external id of each customer that is made up, and tells them from all others.
const idPrefix = "sample-"

const (
	segmentEnterprise = "Enterprise"
	segmentMid        = "Mid-market"
	segmentSmall      = "Small business"
	segmentConsumer   = "Consumer"
)

var plans = []string{"Starter", "Team", "Business"}

// Companies are made of these, made up, and of what they end in where they are.
var companyRoots = []string{
	"Aldermoor", "Brindel", "Cavanta", "Dorvik", "Elmhollow", "Fenbrook", "Galdiva", "Hartwyn", "Ilvara", "Jorvane",
	"Kestrova", "Lumara", "Marendi", "Norvello", "Ostreva", "Pellworth", "Quillane", "Rivenna", "Silvane", "Tarvendo",
	"Ulmora", "Vestrel", "Wyndale", "Yarrowby", "Zelvanta", "Orrinde", "Tessaly", "Havemark", "Calderyn", "Mirandel",
}

// person is a customer as the data feed knows them at the moment.
type person struct {
	place *place
	mood  float64 // the score they would give on an average day
	data  casework.CustomerInput
}

func newPerson(d *rand.Rand, id string) *person {
	p := &person{place: somewhere(d), mood: newMood(d)}
	first, firstLatin := spelled(pick(d, p.place.first))
	last, lastLatin := spelled(pick(d, p.place.last))
	in := &p.data
	in.ExternalID = new(idPrefix + id)
	in.FirstName, in.LastName = given(first), given(last)
	in.Country = given(p.place.country)

	segment, domain := segmentConsumer, "post.example"
	if chance(d, 0.84) {
		var name string
		name, domain, segment = p.place.employer(d)
		in.Company = given(name)
	}
	in.Segment = given(segment)
	in.LifetimeValue = graphql.OmittableOf(new(decimal.New(worth(d, segment), -2)))
	if chance(d, 0.9) {
		in.Email = given(firstLatin + "." + lastLatin + "@" + domain)
	}
	if chance(d, 0.6) {
		in.Phone = given(phone(d, p.place))
	}
	switch roll := d.Float64(); {
	case roll < 0.06:
		in.AccountManagerEmail = given(leftUs)
	case roll < 0.92:
		in.AccountManagerEmail = given(p.place.manager)
	}
	if chance(d, 0.7) {
		in.AgentEmail = given(p.place.manager)
	}
	in.Attributes = []*casework.AttributeInput{{Key: "Plan", Value: pick(d, plans)}}
	return p
}

// change is what happens to a customer between two answers: the feed brings one thing that is new.
func change(d *rand.Rand, in *casework.CustomerInput, at *place) {
	switch d.IntN(4) {
	case 0:
		if value, _ := in.LifetimeValue.ValueOK(); value != nil {
			grown := value.Mul(decimal.New(int64(105+d.IntN(60)), -2)).Round(2)
			in.LifetimeValue = graphql.OmittableOf(&grown)
			return
		}
		in.LifetimeValue = graphql.OmittableOf(new(decimal.New(worth(d, segmentSmall), -2)))
	case 1:
		others := []string{thiago, lena, chloe, amara, haruka}
		in.AccountManagerEmail = given(pick(d, others))
	case 2:
		in.Phone = given(phone(d, at))
	case 3: // a list of its own: what was submitted before still has the old one
		in.Attributes = []*casework.AttributeInput{{Key: "Plan", Value: pick(d, plans) + " " + pick(d, []string{"monthly", "yearly"})}}
	}
}

func somewhere(d *rand.Rand) *place {
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

// employer is one of the companies of the place. The same place and company always have the same segment.
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

// worth is a lifetime value in cents.
func worth(d *rand.Rand, segment string) int64 {
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

// phone is a number that nobody has: 555 01 is what films use.
func phone(d *rand.Rand, p *place) string { return fmt.Sprintf("%s 555 01%02d", p.dial, d.IntN(100)) }

// newMood: many are fond of us, most are content, some are not.
func newMood(d *rand.Rand) float64 {
	switch roll := d.Float64(); {
	case roll < 0.4:
		return 9.7
	case roll < 0.78:
		return 8.2
	}
	return 4.6
}

// spelled takes a name of the table apart: as it is written, and in ASCII for an e-mail address.
func spelled(name string) (written, latin string) {
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

func given(s string) graphql.Omittable[*string] { return graphql.OmittableOf(&s) }
