package country

import "testing"

func TestParseInLanguages(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Deutschland": "DE", "Brasil": "BR", "BRASIL": "BR", "Österreich": "AT", "Osterreich": "AT", "Espanha": "ES", "España": "ES", "Allemagne": "DE", "Pays-Bas": "NL",
		"Nederland": "NL", "Vereinigte Staaten": "US", "Estados Unidos": "US", "États-Unis": "US", "Vereinigtes Königreich": "GB", "Reino Unido": "GB", "Royaume-Uni": "GB",
		"Côte d’Ivoire": "CI", "Elfenbeinküste": "CI", "Ελλάδα": "GR", "日本": "JP", "대한민국": "KR", "Россия": "RU", "भारत": "IN", "Türkiye": "TR", "Schweiz": "CH", "Suisse": "CH",
		"Svizzera": "CH", "Sverige": "SE", "Suomi": "FI", "Magyarország": "HU", "EUA": "US", "EE.UU.": "US", "VS": "US", "Großbritannien": "GB", "Gran Bretaña": "GB",
	} {
		if got, ok := Parse(name); !ok || got != want {
			t.Errorf("%q is %q, %v; want %s", name, got, ok, want)
		}
	}
	for _, name := range []string{"Atlantis", "Korea", "Coreia", "Jungferninseln", "Deutsch", "EU", "Kongo", "Mars"} {
		if got, ok := Parse(name); ok {
			t.Errorf("%q is %s, want none", name, got)
		}
	}
	shared := 0
	for _, code := range inLanguages() {
		if code == "" {
			shared++
		}
	}
	if n := len(inLanguages()); n < 10_000 || shared > n/100 {
		t.Errorf("%d names, of which two countries share %d", n, shared)
	}
}

func BenchmarkNamesInLanguages(b *testing.B) {
	for b.Loop() {
		known()
		if code, _ := Parse("Deutschland"); code != "DE" {
			b.Fatal(code)
		}
	}
}
