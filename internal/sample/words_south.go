package sample

var wordsFrench = words{
	gap: " ", callMe: "Merci de me rappeler.",
	openings: [tones][]string{
		{"Quelle déception.", "Ce n'est pas acceptable."},
		{"Peut mieux faire.", "Nous attendions mieux."},
		{"Dans l'ensemble, c'est bien.", "Bien, avec quelques points à améliorer."},
		{"Excellent !", "Nous recommandons sans hésiter."},
	},
	bad: [topics]string{
		"La livraison est arrivée avec une semaine de retard, sans que personne ne nous prévienne.",
		"Quatre jours d'attente pour recevoir une réponse toute faite.",
		"Le produit est tombé en panne au bout de deux semaines.",
		"Le prix a encore augmenté sans que rien ne s'améliore.",
		"La facture était fausse pour la troisième fois.",
		"Même les choses simples demandent trop d'étapes.",
	},
	fair: [topics]string{
		"La livraison se passe bien, mais j'aimerais connaître le jour à l'avance.",
		"Le support est aimable, mais la réponse se fait parfois attendre.",
		"Le produit fait ce qu'il doit, à quelques détails près.",
		"Le service est bon, mais le prix est à la limite.",
		"Les factures sont justes mais difficiles à lire.",
		"Une fois pris en main, tout va bien ; le début a été difficile.",
	},
	good: [topics]string{
		"Toujours à l'heure et bien emballé.",
		"Le support a répondu en une heure et tout réglé.",
		"Un an d'utilisation sans la moindre panne.",
		"Un très bon rapport qualité-prix.",
		"Les factures sont claires et toujours justes.",
		"Toute l'équipe l'a compris dès le premier jour.",
	},
}

var wordsSpanish = words{
	gap: " ", callMe: "Por favor, llámenme.",
	openings: [tones][]string{
		{"Una gran decepción.", "Así no se trata a un cliente."},
		{"Se puede mejorar.", "Esperábamos más."},
		{"En general, bien.", "Bien, aunque con margen de mejora."},
		{"¡Excelente!", "Lo recomendamos sin dudarlo."},
	},
	bad: [topics]string{
		"El pedido llegó con una semana de retraso y nadie nos avisó.",
		"Cuatro días esperando una respuesta, y al final era un texto estándar.",
		"El producto dejó de funcionar a las dos semanas.",
		"El precio ha vuelto a subir sin que nada mejore.",
		"La factura venía mal por tercera vez.",
		"Hasta las cosas sencillas requieren demasiados pasos.",
	},
	fair: [topics]string{
		"La entrega funciona, pero me gustaría saber el día con antelación.",
		"El soporte es amable, aunque tarda en responder.",
		"El producto cumple, salvo pequeños fallos.",
		"El servicio es bueno, pero el precio está al límite.",
		"Las facturas son correctas, aunque difíciles de leer.",
		"Una vez que se conoce funciona bien; el comienzo fue difícil.",
	},
	good: [topics]string{
		"Siempre puntual y bien embalado.",
		"El soporte respondió en una hora y lo resolvió.",
		"Un año de uso sin un solo fallo.",
		"Muy buena relación calidad-precio.",
		"Las facturas son claras y siempre correctas.",
		"Todo el equipo lo entendió desde el primer día.",
	},
}

var wordsPortuguese = words{
	gap: " ", callMe: "Por favor, entrem em contato comigo.",
	openings: [tones][]string{
		{"Uma grande decepção.", "Não é assim que se trata um cliente."},
		{"Pode melhorar.", "Esperávamos mais."},
		{"No geral, bom.", "Bom, mas há o que melhorar."},
		{"Excelente!", "Recomendamos sem hesitar."},
	},
	bad: [topics]string{
		"A entrega chegou com uma semana de atraso e ninguém avisou.",
		"Foram quatro dias de espera por uma resposta, e veio um texto padrão.",
		"O produto parou de funcionar depois de duas semanas.",
		"O preço subiu de novo e nada melhorou.",
		"A fatura veio errada pela terceira vez.",
		"Até as coisas simples exigem passos demais.",
	},
	fair: [topics]string{
		"A entrega funciona, mas gostaria de saber o dia com antecedência.",
		"O suporte é atencioso, mas a resposta demora.",
		"O produto cumpre o que promete, salvo pequenas falhas.",
		"O serviço é bom, mas o preço está no limite.",
		"As faturas estão corretas, porém difíceis de ler.",
		"Depois que se aprende, funciona bem; o começo foi difícil.",
	},
	good: [topics]string{
		"Sempre no prazo e bem embalado.",
		"O suporte respondeu em uma hora e resolveu tudo.",
		"Um ano de uso sem uma única falha.",
		"Ótimo custo-benefício.",
		"As faturas são claras e sempre corretas.",
		"Toda a equipe entendeu desde o primeiro dia.",
	},
}

var wordsItalian = words{
	gap: " ", callMe: "Vi prego di richiamarmi.",
	openings: [tones][]string{
		{"Una grande delusione.", "Non è così che si trattano i clienti."},
		{"Si può fare meglio.", "Ci aspettavamo di più."},
		{"Nel complesso va bene.", "Bene, con margini di miglioramento."},
		{"Eccellente!", "Lo consigliamo senza esitazioni."},
	},
	bad: [topics]string{
		"La consegna è arrivata con una settimana di ritardo e nessuno ci ha avvisati.",
		"Quattro giorni di attesa per una risposta preconfezionata.",
		"Il prodotto ha smesso di funzionare dopo due settimane.",
		"Il prezzo è aumentato di nuovo senza alcun miglioramento.",
		"La fattura era sbagliata per la terza volta.",
		"Anche le cose semplici richiedono troppi passaggi.",
	},
	fair: [topics]string{
		"La consegna funziona, ma vorrei sapere prima il giorno.",
		"L'assistenza è gentile, ma a volte la risposta si fa attendere.",
		"Il prodotto fa quello che deve, a parte piccoli difetti.",
		"Il servizio è buono, ma il prezzo è al limite.",
		"Le fatture sono corrette, ma difficili da leggere.",
		"Una volta imparato funziona bene; l'inizio è stato faticoso.",
	},
	good: [topics]string{
		"Sempre puntuali, e l'imballaggio è curato.",
		"L'assistenza ha risposto entro un'ora e ha risolto tutto.",
		"Un anno di utilizzo senza un solo guasto.",
		"Ottimo rapporto qualità-prezzo.",
		"Le fatture sono chiare e sempre corrette.",
		"Tutto il team l'ha capito dal primo giorno.",
	},
}
