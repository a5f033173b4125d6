package fleet

import "testing"

func TestPerson_SameName(t *testing.T) {
	t.Parallel()
	for name, others := range map[string][]string{
		"Ada Lovelace": {"ada lovelace", " ADA\t Lovelace\n", "Ada\u00a0Lovelace", "A\u200bda Love\u00adlace", "\u202eAda Lovelace\u202c", "\ufeffAda Lovelace", "Ａｄａ Ｌｏｖｅｌａｃｅ", "Ada\x00 Lovelace", "Ada\u3164 Lovelace\ufe0f"},
		"Zoë Strauß":   {"Zoe\u0308 Strauß", "ZOË STRAUSS", "zoe\u200d\u0308 strauss"},
		"Σίσυφος":      {"ΣΊΣΥΦΟΣ"},
	} {
		for _, other := range others {
			if person(name) != person(other) {
				t.Errorf("%q and %q are different: %q, %q", name, other, person(name), person(other))
			}
		}
	}
	for name, other := range map[string]string{"ada": "bob", "Ada Lovelace": "AdaLovelace", "zoë": "zoe", "ada1": "ada2"} {
		if person(name) == person(other) {
			t.Errorf("%q and %q are the same", name, other)
		}
	}
}

func TestPerson_Visible(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"ada": true, "山田": true, "7": true, "❤\ufe0f": true,
		"": false, " \t": false, "\u200b\u200d": false, "\u3164\u115f": false, "\u2800": false, "\u0301": false, "\x1b": false, "\ufe0f": false,
	} {
		if visible(name) != want {
			t.Errorf("%q: got %v", name, !want)
		}
	}
}
