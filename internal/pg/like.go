package pg

import "strings"

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// EscapeLike escapes the wildcards of LIKE, so that the text matches itself only.
func EscapeLike(text string) string { return likeEscaper.Replace(text) }
