package model

import "testing"

func TestParseEmailAddress(t *testing.T) {
	t.Parallel()
	for given, want := range map[string][2]string{
		"kim@example.com": {"kim@example.com", ""}, " PL+NPS@EXAMPLE.COM ": {"PL+NPS@EXAMPLE.COM", ""}, "o'brien@example.com": {"o'brien@example.com", ""},
		"mailto:m.one@example.com": {"m.one@example.com", ""}, "MAILTO:a@b.example?subject=x": {"a@b.example", ""}, "Ann One <ann.one@example.com>": {"ann.one@example.com", ""},
		"\"Lee, Ann\" <a@b.example>": {"a@b.example", ""}, "<a@b.example>": {"a@b.example", ""}, "dot@example.com.": {"dot@example.com", ""}, "zw@example.com\u200b": {"zw@example.com", ""},
		"\ufeffa@b.example": {"a@b.example", ""}, "nb\u00a0sp@example.com": {"nbsp@example.com", ""}, "a\u00ad@b.example": {"a@b.example", ""},
		"jo@käse.example": {"jo@käse.example", ""}, "jo@xn--kse-qla.example": {"jo@käse.example", ""}, "jo@XN--KSE-QLA.example": {"jo@käse.example", ""}, "jo@KÄSE.example": {"jo@käse.example", ""},
		"jo@ka\u0308se.example": {"jo@käse.example", ""}, "jörg@example.com": {"jörg@example.com", ""}, "早上好@example.com": {"早上好@example.com", ""}, `"a b"@example.com`: {`"a b"@example.com`, ""},
		"root@localhost": {"root@localhost", ""}, "x@[192.0.2.1]": {"x@[192.0.2.1]", ""}, "q@example.photography": {"q@example.photography", ""}, "a@my_host.example": {"a@my_host.example", ""},
		"a.one@example.com; a.two@example.com": {"a.one@example.com", "a.two@example.com"}, "a@b.example,c@d.example": {"a@b.example", "c@d.example"},
		"a@b.example\nc@d.example": {"a@b.example", "c@d.example"}, "Ann <a@b.example>; Bo <c@d.example>": {"a@b.example", "Bo <c@d.example>"}, "a@b.example;": {"a@b.example", ""},
	} {
		address, further, err := ParseEmailAddress(given)
		if err != nil || address != want[0] || further != want[1] {
			t.Errorf("%q is %q and %q, the error %v; want %q and %q", given, address, further, err, want[0], want[1])
		}
		if again, _, err := ParseEmailAddress(address); err == nil && again != address {
			t.Errorf("%q becomes %q, and then %q", given, address, again)
		}
	}
	for _, given := range []string{"", "nobody", "@", "a@", "@b.example", "a b@example.com", "a@b@c.example", "n/a", "a@b.example c@d.example", "Ann <nobody>", "\"ab\"@x.example", "a@b..example", "a\x00@b.example"} {
		if address, _, err := ParseEmailAddress(given); err == nil {
			t.Errorf("%q is %q", given, address)
		}
	}
	if _, err := UnmarshalEmailAddress("a@b.example; c@d.example"); err == nil {
		t.Error("two addresses are one")
	}
}

func FuzzParseEmailAddress(f *testing.F) {
	for _, seed := range []string{"kim@example.com", "Ann <a@b.example>", "mailto:a@b", "a@xn--kse-qla.example", "a@b;c@d", `"a b"@c`, "<@>", "a@ß.example", "a@..", "\"@\"@\"", "a@\u200d.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		address, _, err := ParseEmailAddress(given)
		if err != nil {
			return
		}
		if again, further, err := ParseEmailAddress(address); err != nil || again != address || further != "" {
			t.Fatalf("%q becomes %q, and then %q, %q (%v)", given, address, again, further, err)
		}
	})
}
