package year

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// The lists below are the parts of comments. The first entries of a list are used most often.

var subjects = strings.Fields(`seat crew food flight staff luggage app website delivery boarding price legroom refund support wifi lounge
	invoice booking delay gate toilet cabin meal screen booking-form blanket chair queue voucher agent checkout parcel coffee connection upgrade
	headrest cushion aisle window armrest trolley pilot captain counter counter-staff hotline chatbot catalogue subscription password receipt
	installation technician manual warranty packaging courier shelf pillow breakfast snack wine vegetarian-option loudspeaker announcement schedule`)

var good = strings.Fields(`great friendly comfortable quick helpful excellent clean easy lovely smooth perfect spotless generous attentive reliable
	flawless pleasant brilliant outstanding thoughtful punctual cosy superb painless`)

var fair = strings.Fields(`ok fine decent average acceptable reasonable usual passable ordinary adequate middling so-so`)

var bad = strings.Fields(`late dirty rude cramped slow broken terrible cold expensive confusing narrow noisy unhelpful missing awful wrong
	filthy stale hopeless dreadful dismal unbearable worn-out unacceptable`)

var details = []string{
	"compared to last year", "on the way back", "for the whole family", "although we paid extra", "after a long wait", "as always", "and nobody could tell us why",
	"which I did not expect", "especially in the evening", "for this price", "even on a full day", "and it took %d minutes", "on flight %d", "in row %d", "at counter %d",
	"for the %dth time", "with two small children", "because of the weather", "in Frankfurt", "in São Paulo", "in Lyon", "while my colleague had no trouble",
	"as promised in the e-mail", "without a word of apology", "with a smile", "on a Sunday", "during the holidays", "and I told your colleague so",
}

var closings = []string{
	"I would book again.", "Never again.", "Keep it up!", "Please call me back.", "We will think about it.", "Hope this helps.", "My reference is R%d.",
	"I expected more of you.", "Thank you very much.", "Es war in Ordnung.", "Obrigado!", "That is all.", "My friends say the same.",
}

var noteWords = []string{
	"Called twice, no answer.", "Spoke to the customer for %d minutes.", "Sent an apology by mail.", "Asked the station for a report.", "Voucher of %d offered.",
	"Handed over to the team in charge.", "Customer wants a written answer.", "Refund of %d has been approved.", "Waits for the technician until the %dth.",
	"Explained what went wrong; the customer was calm in the end.", "No new facts.", "Second reminder sent.", "The customer is content now.",
}

// zipf picks an entry; early entries are more likely.
func zipf[T any](r *rand.Rand, list []T) T {
	return list[int(float64(len(list))*math.Pow(r.Float64(), 2.2))]
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func fillIn(r *rand.Rand, text string) string {
	if strings.Contains(text, "%d") {
		return fmt.Sprintf(text, 2+r.IntN(98))
	}
	return text
}

// comment returns one to five sentences that fit the score.
func comment(r *rand.Rand, score int) string {
	mood := good
	switch {
	case score <= 6:
		mood = bad
	case score <= 8:
		mood = fair
	}
	var b strings.Builder
	for n := 1 + int(4*math.Pow(r.Float64(), 1.5)); n > 0; n-- {
		of := mood
		if r.IntN(5) == 0 {
			of = pick(r, [][]string{good, fair, bad})
		}
		fmt.Fprintf(&b, "%s %s was %s", pick(r, []string{"The", "My", "Your", "Our"}), zipf(r, subjects), zipf(r, of))
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, " and the %s %s", zipf(r, subjects), zipf(r, of))
		}
		if r.IntN(2) == 0 {
			b.WriteString(", " + fillIn(r, pick(r, details)))
		}
		b.WriteString(". ")
	}
	if r.IntN(3) == 0 {
		b.WriteString(fillIn(r, pick(r, closings)))
	}
	return strings.TrimSpace(b.String())
}

var firstNames = strings.Fields(`Ana João Maria Pedro Lucas Beatriz Anna Jürgen Katrin Lukas Élodie Mathieu Camille Hugo Lucía Álvaro Carmen Giulia Matteo
	Oliver Priyanka Harriet Callum Imogen Astrid Björn Agnieszka Łukasz Zofia Emma Noah Liam Olivia Sophia Ayşe Mehmet Elif Can Yuki Haruto Sakura Wei Li
	Fatima Omar Layla Amara Kofi Zanele Thabo Daan Sanne Femke Lars`)

var lastNames = strings.Fields(`Souza Silva Santos Oliveira Müller Schäfer Weiß Köhler Brandt Lefèvre Moreau Girard García Muñoz Ibáñez Conti Esposito
	Lombardi Clarke Hughes Patel MacLeod Sandberg Sjöberg Nowak Wójcik Kowalczyk Smith Johnson Brown Davis Wilson Moore Taylor Anderson Yılmaz Kaya Demir
	Tanaka Suzuki Watanabe Chen Wang Hassan Ali Mensah Dlamini Jong Bakker Visser Dijk Öberg Novák Horváth Popescu Ivanov Petrov`)

var companyRoots = strings.Fields(`Aldermoor Brindel Cavanta Dorvik Elmhollow Fenbrook Galdiva Hartwyn Ilvara Jorvane Kestrova Lumara Marendi Norvello
	Ostreva Pellworth Quillane Rivenna Silvane Tarvendo Ulmora Vestrel Wyndale Yarrowby Zelvanta Orrinde Tessaly Havemark Calderyn Mirandel`)

// countries begins with the countries that have the most customers.
var countries = strings.Fields(`US GB DE BR FR ES NL IT AU CA TR PL SE PT CH AT IN JP MX ZA BE DK NO FI IE AE SG NZ AR CL CZ GR HU RO KR`)

var surveys = []string{"After the flight", "After the flight", "After a support case", "Relationship", "Onboarding"}

var drivers = []string{"Comfort", "Staff", "Price", "Punctuality", "Food and drink", "Ease of booking", "Cleanliness"}

var segments = []string{"Consumer", "Consumer", "Consumer", "Consumer", "Consumer", "Small business", "Small business", "Mid-market", "Mid-market", "Enterprise"}
