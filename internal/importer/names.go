package importer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// usualNames are names of columns by the field that they hold, the most telling first, in English, German, Portuguese, Spanish,
// French and Dutch, as key writes them. A word that means two things, such as Note (a remark, a mark), is in no list.
var usualNames = [fieldCount]string{
	score: "score|nps|nps score|net promoter score|nps rating|nps answer|likelihood to recommend|rating|bewertung|punktzahl|nps wert|nota|nota nps|pontuacao|avaliacao|" +
		"puntuacion|calificacion|puntaje|score nps|note nps|evaluation|cijfer|waardering|beoordeling",
	respondedAt: "responded at|response date|response time|date of response|answered at|submitted at|submit date|submission date|submitted|completed at|completion date|" +
		"date submitted|date completed|end date|timestamp|response timestamp|created at|date created|date|datetime|date time|time|when|" +
		"zeitstempel|antwortdatum|beantwortet am|datum|datum uhrzeit|zeitpunkt|carimbo de data hora|data da resposta|respondido em|data|data hora|" +
		"marca temporal|fecha de respuesta|fecha|fecha y hora|horodateur|date de reponse|repondu le|tijdstempel|datum antwoord|beantwoord op",
	responseExternalID: "response id|responseid|survey response id|response external id|respondent id|submission id|answer id|id|antwort id|id da resposta|id de respuesta|id reponse|antwoord id",
	comment: "comment|comments|feedback|verbatim|nps comment|customer comment|reason|open comment|remark|remarks|kommentar|kommentare|anmerkung|begrundung|comentario|comentarios|" +
		"commentaire|commentaires|remarque|opmerking|opmerkingen|toelichting",
	drivers:               "drivers|driver|reasons|reasons for score|grunde|treiber|motivos|motifs|redenen",
	contactRequested:      "contact requested|contact me|please contact me|may we contact you|can we contact you|follow up requested|kontakt erwunscht|bitte um kontakt|contato solicitado|contacto solicitado|souhaite etre contacte|contact gewenst",
	survey:                "survey|survey name|survey title|umfrage|umfragename|pesquisa|nome da pesquisa|encuesta|nombre de la encuesta|enquete|sondage|nom de l enquete|naam enquete",
	quoteConsent:          "quote consent|may quote|may we quote you|can we quote you|consent to quote",
	testimonialLikelihood: "testimonial likelihood",
	customerExternalID: "customer id|customerid|customer external id|customer number|customernumber|customer no|client id|client number|kundennummer|kundennr|kunden nr|kunden id|id do cliente|codigo do cliente|" +
		"id cliente|id del cliente|numero de cliente|id client|numero client|numero de client|klantnummer|klant id|klantnr",
	firstName: "first name|firstname|given name|vorname|primeiro nome|nombre de pila|prenom|voornaam",
	lastName:  "last name|lastname|surname|family name|nachname|familienname|sobrenome|apellido|apellidos|nom de famille|achternaam",
	fullName: "name|full name|fullname|customer name|contact name|respondent|respondent name|your name|kunde|kundenname|ansprechpartner|nome|nome completo|nome do cliente|cliente|" +
		"nombre|nombre completo|nombre del cliente|nom|nom complet|nom du client|naam|volledige naam|klant|klantnaam",
	email: "email|e mail|email address|e mail address|mail|mail address|customer email|contact email|e mail adresse|mailadresse|endereco de e mail|email do cliente|" +
		"correo|correo electronico|direccion de correo electronico|courriel|adresse e mail|adresse email|adresse mail|mailadres|e mailadres|emailadres",
	phone:               "phone|phone number|telephone|mobile|mobile number|mobile phone|cell phone|telefon|telefonnummer|handy|mobilnummer|telefone|celular|telefono|numero de telefono|movil|numero de telephone|portable|telefoon|telefoonnummer|mobiel",
	company:             "company|company name|organisation|organization|account|account name|business|firma|unternehmen|firmenname|empresa|companhia|compania|entreprise|societe|bedrijf|bedrijfsnaam|organisatie",
	countryName:         "country|country code|country name|land|landercode|pais|codigo do pais|codigo de pais|pays|code pays|landcode",
	segment:             "segment|customer segment|tier|kundensegment|segmento|segmento do cliente|segmento de cliente|segment client|klantsegment",
	lifetimeValue:       "lifetime value|customer lifetime value|ltv|clv|cltv|revenue|annual revenue|umsatz|jahresumsatz|kundenwert|faturamento|receita|valor do cliente|ingresos|facturacion|valor del cliente|chiffre d affaires|omzet|jaaromzet|klantwaarde",
	accountManagerEmail: "account manager email|account manager e mail|account owner email|kundenbetreuer e mail|email do gerente de conta|correo del gestor|email du charge de compte|accountmanager email",
	agentEmail:          "agent email|agent e mail|assignee email|email do agente|correo del agente|email de l agent",
}

// key is the form in which names of columns are compared: lower case, without accents and signs, one space between words.
func key(name string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
		default:
			space = true
		}
	}
	return b.String()
}

// A question is recognised by how it begins and by a word within it. Survey tools have the question itself as a column's name.
var (
	// recommending are beginnings of the Net Promoter Score's question.
	recommending = questions("recommend", "how likely|how willing|on a scale|from 0 to 10|would you recommend") +
		questions("empfehl", "wie wahrscheinlich|auf einer skala|wurden sie") +
		questions("recomend", "qual a probabilidade|qual e a probabilidade|o quanto|quanto voce|em uma escala|de 0 a 10|numa escala|que probabilidad|cual es la probabilidad|"+
			"que tan probable|con que probabilidad|cuan probable|en una escala|en que medida|recomend") +
		questions("recomiend", "que probabilidad|cual es la probabilidad|que tan probable|con que probabilidad|cuan probable|en una escala|de 0 a 10") +
		questions("recommand", "quelle est la probabilite|sur une echelle|dans quelle mesure|recommand") +
		questions("aanbev", "hoe waarschijnlijk|op een schaal|zou u|zou je") + questions("aanrad", "hoe waarschijnlijk|op een schaal")
	// explaining are beginnings of the question behind it.
	explaining = questions("reason", "what|please|can you|could you|reason|the reason|primary reason|main reason|the main reason") +
		questions("score", "why|please explain|what made you|tell us") + questions("", "why did you|please explain|please tell us more|tell us more|please tell us why|tell us why|"+
		"what could we|how can we improve|how could we|what can we do|any other comment|any comment|additional comment|other comment|do you have any comment|do you have any other comment|"+
		"do you have any feedback|do you have any suggestion|anything else|is there anything else") +
		questions("grund", "was ist|was war|bitte nennen|der grund|hauptgrund") + questions("", "warum haben sie|warum geben sie|bitte begrunden|was konnen wir|was konnten wir") +
		questions("motivo", "qual|por favor|o motivo|motivo|cual|el motivo") + questions("razao", "qual") + questions("razon", "cual|por favor|la razon") +
		questions("", "por que voce deu|por que deu|o que podemos|que podemos|por que nos dio|por que ha dado") +
		questions("raison", "quelle|quel|la raison|pourquoi") + questions("", "pourquoi avez vous|pourquoi donnez|que pouvons nous|que pourrions nous") +
		questions("reden", "wat is|wat was|de reden") + questions("", "waarom geeft|waarom heeft|waarom heb je|wat kunnen we|wat kunnen wij")
)

// questions writes alternatives of one kind as lines.
func questions(has, begins string) string {
	var b strings.Builder
	for _, beginning := range strings.Split(begins, "|") {
		b.WriteString(beginning + "\t" + has + "\n")
	}
	return b.String()
}

// asks reports whether a column's name, as key writes it, is one of the questions.
func asks(name, list string) bool {
	for line := range strings.Lines(list) {
		begins, has, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(name, begins) && strings.Contains(name, has) {
			return true
		}
	}
	return false
}
