package keyword

import "embed"

// The stop words of the Snowball project (BSD licence, snowballstem.org), as PostgreSQL comes with them, one a line.
//
//go:embed stop/*.txt
var lists embed.FS

// StopWords are folded words that say nothing by themselves, such as "the": in English, German, Portuguese, Spanish and
// French.
func StopWords() map[string]bool {
	known := map[string]bool{}
	files, _ := lists.ReadDir("stop")
	for _, file := range files {
		text, _ := lists.ReadFile("stop/" + file.Name()) // embedded: it is there
		for _, w := range Words(string(text)) {
			known[w] = true
		}
	}
	return known
}
