package country

import (
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// doubtful are names that one language gives to one country, and people to two.
var doubtful = []string{"kongo", "guiana"}

// inLanguages has the codes of countries by their names in the languages of Unicode's CLDR, as keys reduces them. A name that two
// countries have, in one language or in two, is in it with an empty code: it says neither. It is built at the first name that is
// not English, which takes some tens of milliseconds and a few megabytes.
var inLanguages = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for _, key := range doubtful {
		names[key] = ""
	}
	t := known()
	for _, tag := range display.Supported.Tags() {
		namer := display.Regions(tag)
		if namer == nil {
			continue
		}
		for code := range t.english {
			region, err := language.ParseRegion(code)
			if err != nil {
				continue
			}
			key, _, ok := keys(namer.Name(region))
			if !ok {
				continue
			}
			if other, there := names[key]; there && other != code {
				code = ""
			}
			names[key] = code
		}
	}
	return names
})
