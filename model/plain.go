package model

// plain returns the characters of a keyboard that a typographic character stands for, or an empty text for one that takes
// no width; false for every other character. Telephones and word processors write these characters where a person types
// the plain ones, so that two people who typed the same would not find each other's texts.
//
// The characters are those that Unicode's confusables.txt (UTS #39, version 17) leads to one of '"-. and the space, as far
// as they are punctuation or stand for it; and, of the same kinds, what it leads elsewhere: the low and the pointed
// quotation marks (it says they look like , and <), the longer dashes (like a Japanese letter) and the hyphen of Hebrew.
// ASCII stays as it is, the grave accent too. So do all letters and digits, and the brackets that Chinese and Japanese
// quote with. Those without width are controls of joining, direction and line breaks, and selectors of a glyph's variant;
// the tags of flags are none of these, because they tell flags apart.
func plain(r rune) (string, bool) {
	switch r {
	case '\u00A0', '\u1680', '\u2000', '\u2001', '\u2002', '\u2003', '\u2004', '\u2005', '\u2006', '\u2007', '\u2008', '\u2009',
		'\u200A', '\u2028', '\u2029', '\u202F', '\u205F', '\u3000': // spaces, whether a line may break there or not
		return " ", true
	case '\u2018', '\u2019', '\u201A', '\u201B', '\u2039', '\u203A', '\u275B', '\u275C', '\uFF07', // single quotation marks
		'\u2032', '\u2035', '\u02B9', // primes
		'\u02BB', '\u02BC', '\u02BD', '\u055A', '\u05F3', '\u00B4': // other apostrophes, and the acute accent typed as one
		return "'", true
	case '\u201C', '\u201D', '\u201E', '\u201F', '\u00AB', '\u00BB', '\u275D', '\u275E', '\u301D', '\u301E', '\u301F', '\uFF02', // double quotation marks
		'\u2033', '\u2036', '\u02BA', '\u02EE', '\u05F4': // double primes and apostrophes
		return `"`, true
	case '\u2034', '\u2037':
		return "'''", true
	case '\u2057':
		return "''''", true
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015', '\u2E3A', '\u2E3B', '\uFE58', '\uFE63', '\uFF0D', // hyphens and dashes
		'\u2043', '\u2212', '\u02D7', '\u05BE': // a bullet, signs of minus, Hebrew
		return "-", true
	case '\u2026':
		return "...", true
	case '\u00AD', '\u034F', '\u061C', '\u180B', '\u180C', '\u180D', '\u180E', '\u180F', '\u200B', '\u200C', '\u200D', '\u200E', '\u200F',
		'\u202A', '\u202B', '\u202C', '\u202D', '\u202E', '\u2060', '\u2061', '\u2062', '\u2063', '\u2064', '\u2066', '\u2067', '\u2068',
		'\u2069', '\u206A', '\u206B', '\u206C', '\u206D', '\u206E', '\u206F', '\uFEFF':
		return "", true
	}
	return "", '\uFE00' <= r && r <= '\uFE0F' || 0xE0100 <= r && r <= 0xE01EF
}
