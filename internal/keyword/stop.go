package keyword

import "embed"

// lists holds the stop words of the Snowball project (BSD licence, snowballstem.org), as PostgreSQL ships them, one per
// line.
//
//go:embed stop/*.txt
var lists embed.FS

// StopWords returns the folded words that carry no meaning of their own, such as "the", in English, German, Portuguese,
// Spanish and French.
func StopWords() map[string]bool {
	stop := map[string]bool{}
	files, _ := lists.ReadDir("stop")
	for _, file := range files {
		text, _ := lists.ReadFile("stop/" + file.Name()) // cannot fail: the file is embedded
		for _, w := range Words(string(text)) {
			stop[w] = true
		}
	}
	return stop
}
