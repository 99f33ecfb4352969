package sample

var wordsEnglish = words{
	gap: " ", callMe: "Please call me.",
	openings: [tones][]string{
		{"I am very disappointed.", "This is not what we pay for."},
		{"It could be better.", "Not quite what we had hoped for."},
		{"All in all fine.", "Good, with room for improvement."},
		{"Excellent!", "We are very happy."},
	},
	bad: [topics]string{
		"The delivery came a week late and nobody told us.",
		"I waited four days for an answer, and then it was a standard text.",
		"The product stopped working after two weeks.",
		"The price has gone up again, and nothing has got better.",
		"The invoice was wrong for the third time.",
		"Even simple things take too many steps.",
	},
	fair: [topics]string{
		"Delivery works, but I would like to know the day in advance.",
		"Support is friendly, though it takes a while until someone answers.",
		"The product does what it should, apart from small flaws.",
		"The service is good, but the price is at the upper limit.",
		"The invoices are correct but hard to read.",
		"Once you know your way around it works well; the start was hard.",
	},
	good: [topics]string{
		"Always on time, and well packed.",
		"Support answered within an hour and solved it at once.",
		"A year in use without a single fault.",
		"Good value for the money.",
		"Invoices are clear and always correct.",
		"Everybody in the team understood it on the first day.",
	},
}

var wordsEnglish2 = words{
	gap: " ", callMe: "Could someone get in touch with me, please?",
	openings: [tones][]string{
		{"Really poor.", "We are looking at other suppliers now."},
		{"Somewhat let down this time.", "We have seen better from you."},
		{"Mostly happy.", "No big complaints."},
		{"Great work, thank you.", "Would recommend any time."},
	},
	bad: [topics]string{
		"Half of the order was missing and the tracking page showed nothing.",
		"Every time we call, we have to explain the whole story again.",
		"Two of the five units we got had to go back.",
		"We pay more than last year for less.",
		"We were billed for something we had cancelled months ago.",
		"Since the last update nobody here finds anything any more.",
	},
	fair: [topics]string{
		"The last two parcels were a day late, otherwise no trouble.",
		"Good answers, if you get through on the phone.",
		"Solid, although the finish was better before.",
		"Others are a little cheaper by now.",
		"It would help to get one invoice a month instead of five.",
		"Reports are useful but take some clicking to find.",
	},
	good: [topics]string{
		"Ordered on Monday, here on Tuesday.",
		"Your people know what they are talking about and call back when they say so.",
		"You notice that somebody cares about the details.",
		"Not the cheapest, and worth every cent.",
		"The new invoices save our accounts a lot of time.",
		"It does what you expect it to do, every time.",
	},
}

var wordsGerman = words{
	gap: " ", callMe: "Bitte rufen Sie mich an.",
	openings: [tones][]string{
		{"Das ist sehr enttäuschend.", "So geht man nicht mit Kunden um."},
		{"Das geht besser.", "Wir hatten mehr erwartet."},
		{"Im Großen und Ganzen in Ordnung.", "Gut, aber mit Luft nach oben."},
		{"Hervorragend!", "Wir sind rundum zufrieden."},
	},
	bad: [topics]string{
		"Die Lieferung kam eine Woche zu spät, und niemand hat uns Bescheid gegeben.",
		"Vier Tage auf eine Antwort gewartet, und dann kam ein Textbaustein.",
		"Nach zwei Wochen ging das Produkt nicht mehr.",
		"Der Preis ist schon wieder gestiegen, besser geworden ist nichts.",
		"Die Rechnung war zum dritten Mal falsch.",
		"Selbst einfache Dinge brauchen zu viele Schritte.",
	},
	fair: [topics]string{
		"Die Lieferung klappt, nur wüsste ich gern vorher den Tag.",
		"Der Support ist freundlich, die Antwort dauert aber manchmal.",
		"Das Produkt tut, was es soll, von Kleinigkeiten abgesehen.",
		"Der Service stimmt, preislich ist es allerdings an der oberen Grenze.",
		"Die Rechnungen stimmen, sind aber schwer zu lesen.",
		"Nach der Einarbeitung läuft es gut, der Anfang war mühsam.",
	},
	good: [topics]string{
		"Immer pünktlich und sorgfältig verpackt.",
		"Der Support hat innerhalb einer Stunde geantwortet und das Problem gelöst.",
		"Seit einem Jahr im Einsatz, ohne einen einzigen Fehler.",
		"Das Preis-Leistungs-Verhältnis stimmt.",
		"Die Rechnungen sind klar und immer richtig.",
		"Das ganze Team kam vom ersten Tag an damit zurecht.",
	},
}

var wordsDutch = words{
	gap: " ", callMe: "Bel me alstublieft terug.",
	openings: [tones][]string{
		{"Dit is een grote teleurstelling.", "Zo ga je niet met klanten om."},
		{"Het kan beter.", "We hadden meer verwacht."},
		{"Over het geheel genomen prima.", "Goed, maar er is ruimte voor verbetering."},
		{"Uitstekend!", "We zijn heel tevreden."},
	},
	bad: [topics]string{
		"De levering kwam een week te laat en niemand liet iets weten.",
		"Vier dagen op antwoord gewacht, en toen kwam er een standaardtekst.",
		"Na twee weken hield het product ermee op.",
		"De prijs is alweer gestegen zonder dat er iets beter werd.",
		"De factuur klopte voor de derde keer niet.",
		"Zelfs eenvoudige dingen kosten te veel stappen.",
	},
	fair: [topics]string{
		"De levering gaat goed, maar ik zou graag vooraf de dag weten.",
		"De helpdesk is vriendelijk, al duurt het antwoord soms lang.",
		"Het product doet wat het moet doen, op kleinigheden na.",
		"De service is goed, maar de prijs zit aan de bovenkant.",
		"De facturen kloppen, maar zijn lastig te lezen.",
		"Als je het eenmaal kent werkt het goed; het begin was lastig.",
	},
	good: [topics]string{
		"Altijd op tijd en goed verpakt.",
		"De helpdesk antwoordde binnen een uur en loste het meteen op.",
		"Al een jaar in gebruik zonder één storing.",
		"Uitstekende prijs-kwaliteitverhouding.",
		"De facturen zijn duidelijk en kloppen altijd.",
		"Het hele team begreep het vanaf de eerste dag.",
	},
}

var wordsPolish = words{
	gap: " ", callMe: "Proszę o telefon.",
	openings: [tones][]string{
		{"Ogromne rozczarowanie.", "Tak nie traktuje się klientów."},
		{"Mogłoby być lepiej.", "Spodziewaliśmy się więcej."},
		{"Ogólnie w porządku.", "Dobrze, ale jest co poprawić."},
		{"Znakomicie!", "Polecamy bez wahania."},
	},
	bad: [topics]string{
		"Dostawa spóźniła się o tydzień i nikt nas nie uprzedził.",
		"Cztery dni czekania na odpowiedź, a przyszedł gotowy szablon.",
		"Produkt przestał działać po dwóch tygodniach.",
		"Cena znowu wzrosła, a nic się nie poprawiło.",
		"Faktura była błędna już trzeci raz.",
		"Nawet proste rzeczy wymagają zbyt wielu kroków.",
	},
	fair: [topics]string{
		"Dostawy działają, ale warto znać dzień z wyprzedzeniem.",
		"Obsługa jest miła, choć odpowiedź czasem się opóźnia.",
		"Produkt spełnia zadanie, poza drobnymi usterkami.",
		"Obsługa jest dobra, ale cena jest na granicy.",
		"Faktury są poprawne, lecz mało czytelne.",
		"Po wdrożeniu działa dobrze, początek był trudny.",
	},
	good: [topics]string{
		"Zawsze na czas i dobrze zapakowane.",
		"Obsługa odpowiedziała w ciągu godziny i od razu pomogła.",
		"Rok pracy bez jednej usterki.",
		"Bardzo dobry stosunek jakości do ceny.",
		"Faktury są przejrzyste i zawsze poprawne.",
		"Cały zespół zrozumiał to już pierwszego dnia.",
	},
}
