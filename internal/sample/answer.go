package sample

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

const surveyRelationship = "Relationship"

// surveys is the survey in which each topic comes up most often.
var surveys = [topics]string{"After delivery", "After a support case", surveyRelationship, surveyRelationship, surveyRelationship, "Onboarding"}

var channels = []string{"E-mail", "E-mail", "App", "Text message"}

// scoreOf returns a score around the mood.
func scoreOf(d *rand.Rand, mood float64) int {
	if chance(d, 0.03) {
		mood -= 5 // an occasional bad day
	}
	return int(min(10, max(0, math.Round(mood+1.4*d.NormFloat64()))))
}

// newResponse fills a response, except for its customer and its time.
func newResponse(d *rand.Rand, p *place, score int, about topic) intake.SubmitResponseInput {
	in := intake.SubmitResponseInput{Score: score, Survey: new(surveyRelationship)}
	if chance(d, 0.6) {
		in.Survey = new(surveys[about])
	}
	tone := toneOf(score)
	if chance(d, 0.9) {
		in.Drivers = []string{topicNames[about]}
		if second := topic(d.IntN(int(topics))); second != about && chance(d, 0.15) {
			in.Drivers = append(in.Drivers, topicNames[second])
		}
	}
	in.ContactRequested = new(chance(d, [tones]float64{0.4, 0.2, 0.07, 0.03}[tone]))
	if chance(d, [tones]float64{0.9, 0.75, 0.55, 0.6}[tone]) {
		in.Comment = new(comment(d, languages[pick(d, p.languages)], tone, about, *in.ContactRequested && chance(d, 0.6)))
	}
	if tone == glad && chance(d, 0.7) {
		in.QuoteConsent = new(chance(d, 0.65))
		if *in.QuoteConsent {
			in.TestimonialLikelihood = new(math.Round(50+49*d.Float64()) / 100)
		}
	}
	in.Attributes = []*customer.AttributeInput{{Key: "Channel", Value: pick(d, channels)}}
	return in
}

// comment joins an opening and a sentence about the topic, most often both, and a request for a call where callMe is set.
func comment(d *rand.Rand, w *words, t tone, about topic, callMe bool) string {
	parts := []string{pick(d, w.openings[t]), w.about(t)[about]}
	switch roll := d.Float64(); {
	case roll < 0.15:
		parts = parts[:1]
	case roll < 0.5:
		parts = parts[1:]
	}
	if callMe {
		parts = append(parts, w.callMe)
	}
	return strings.Join(parts, w.gap)
}

// topicOf returns the topic that the response's drivers name, if they name one.
func topicOf(r *model.Response) (topic, bool) {
	if r == nil {
		return 0, false
	}
	for _, driver := range r.Drivers {
		for i, name := range topicNames {
			if name == driver {
				return topic(i), true
			}
		}
	}
	return 0, false
}
