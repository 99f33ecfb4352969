package sample

// place is a country, or a part of one, with names of its people. Any first name may meet any last name: therefore no list
// mixes scripts, and the lists have no last names that vary with a person's sex. After a bar, a name in other letters has
// its Latin form, for e-mail addresses.
type place struct {
	country   string
	weight    int // share of the customers, relative to the other places
	offset    int // hours ahead of UTC
	dial      string
	company   string // the company form of the country
	manager   string // e-mail address of the responsible member of the team
	languages []string
	first     []string
	last      []string
}

var english = []string{"en", "en2"}

var places = []place{
	{"NL", 8, 1, "+31", "B.V.", ingrid, []string{"nl", "nl", "nl", "en"},
		[]string{"Daan", "Sanne", "Jeroen", "Femke", "Lars", "Noor", "Bram", "Lotte"},
		[]string{"de Jong", "Bakker", "Visser", "van Dijk", "Smit", "Mulder", "Dekker", "Hendriks"}},
	{"DE", 9, 1, "+49", "GmbH", lena, []string{"de"},
		[]string{"Jürgen", "Katrin", "Lukas", "Annika", "Sören", "Mareike", "Uwe", "Claudia"},
		[]string{"Müller", "Schäfer", "Weiß", "Köhler", "Brandt", "Vogel", "Krüger", "Lorenz"}},
	{"FR", 7, 1, "+33", "S.A.S.", chloe, []string{"fr"},
		[]string{"Élodie", "Mathieu", "Camille", "Hugo", "Inès", "Rémi", "Aurélie", "Bastien"},
		[]string{"Lefèvre", "Moreau", "Girard", "Rousseau", "Faure", "Mercier", "Chevalier", "Gauthier"}},
	{"ES", 6, 1, "+34", "S.L.", chloe, []string{"es"},
		[]string{"Lucía", "Álvaro", "Carmen", "Íñigo", "Marta", "Javier", "Nuria", "Sergio"},
		[]string{"García", "Muñoz", "Ibáñez", "Ortega", "Castro", "Núñez", "Vidal", "Serrano"}},
	{"IT", 5, 1, "+39", "S.r.l.", chloe, []string{"it"},
		[]string{"Giulia", "Matteo", "Chiara", "Niccolò", "Francesca", "Davide"},
		[]string{"Conti", "Esposito", "Lombardi", "D'Angelo", "Moretti", "Gallo"}},
	{"GR", 2, 2, "+30", "A.E.", chloe, english,
		[]string{"Ελένη|eleni", "Γιώργος|giorgos", "Κατερίνα|katerina", "Θανάσης|thanasis"},
		[]string{"Νικολάου|nikolaou", "Γεωργίου|georgiou", "Δημητρίου|dimitriou", "Ιωάννου|ioannou"}},
	{"GB", 8, 0, "+44", "Ltd", amara, english,
		[]string{"Oliver", "Priyanka", "Harriet", "Callum", "Imogen", "Gareth", "Zainab", "Rhys"},
		[]string{"Clarke", "Hughes", "Patel", "MacLeod", "Ashworth", "Begum", "Fletcher", "Evans"}},
	{"SE", 3, 1, "+46", "AB", lena, english,
		[]string{"Astrid", "Björn", "Elin", "Åke", "Maja", "Göran"},
		[]string{"Sandberg", "Sjöberg", "Nyström", "Åkesson", "Bergman", "Öberg"}},
	{"PL", 4, 1, "+48", "Sp. z o.o.", lena, []string{"pl"},
		[]string{"Agnieszka", "Łukasz", "Małgorzata", "Paweł", "Zofia", "Wojciech"},
		[]string{"Nowak", "Wójcik", "Kowalczyk", "Mazur", "Dudek", "Wróbel"}},
	{"UA", 3, 2, "+380", "LLC", lena, []string{"uk"},
		[]string{"Олена|olena", "Тарас|taras", "Оксана|oksana", "Андрій|andrii", "Ірина|iryna", "Богдан|bohdan"},
		[]string{"Шевченко|shevchenko", "Коваль|koval", "Бондаренко|bondarenko", "Мельник|melnyk", "Кравець|kravets"}},
	{"GE", 1, 4, "+995", "LLC", lena, english,
		[]string{"ნინო|nino", "გიორგი|giorgi", "თამარ|tamar", "ლევან|levan"},
		[]string{"ბერიძე|beridze", "კაპანაძე|kapanadze", "გელაშვილი|gelashvili", "მაისურაძე|maisuradze"}},
	{"BR", 10, -3, "+55", "Ltda.", thiago, []string{"pt"},
		[]string{"João", "Ana Clara", "Rafael", "Beatriz", "Caio", "Larissa", "Otávio", "Luiza"},
		[]string{"Souza", "Oliveira", "Araújo", "Gonçalves", "Ribeiro", "Teixeira", "Assunção", "Nunes"}},
	{"MX", 4, -6, "+52", "S.A. de C.V.", thiago, []string{"es"},
		[]string{"Ximena", "Diego", "Guadalupe", "Emiliano", "Fernanda", "Raúl"},
		[]string{"Hernández", "Ramírez", "Aguilar", "Cárdenas", "Zúñiga", "Ríos"}},
	{"US", 9, -5, "+1", "Inc.", thiago, english,
		[]string{"Emily", "Marcus", "Ashley", "Tyrone", "Megan", "Luis", "Hannah", "Jordan"},
		[]string{"Johnson", "Brooks", "Nguyen", "Carter", "O'Connell", "Ramirez", "Whitfield", "Lee"}},
	{"NG", 4, 1, "+234", "Ltd", amara, english,
		[]string{"Chidinma", "Oluwaseun", "Ngozi", "Emeka", "Yétúndé", "Ibrahim"},
		[]string{"Okafor", "Adébáyò", "Eze", "Balogun", "Nwosu", "Abubakar"}},
	{"ET", 1, 3, "+251", "PLC", amara, english,
		[]string{"ሰላም|selam", "ዳዊት|dawit", "ሄለን|helen", "ዮሐንስ|yohannes"},
		[]string{"ተስፋዬ|tesfaye", "በቀለ|bekele", "አለሙ|alemu"}},
	{"EG", 2, 2, "+20", "S.A.E.", amara, []string{"ar"},
		[]string{"أحمد|ahmed", "هبة|heba", "مصطفى|mostafa", "سلمى|salma"},
		[]string{"سليمان|soliman", "فوزي|fawzy", "بدوي|badawy", "حداد|haddad"}},
	{"AE", 3, 4, "+971", "LLC", amara, []string{"ar", "en"},
		[]string{"ليلى|layla", "عمر|omar", "نور|nour", "يوسف|youssef", "مريم|mariam", "خالد|khaled"},
		[]string{"منصور|mansour", "الخطيب|alkhatib", "ناصر|nasser", "شاهين|shaheen", "درويش|darwish"}},
	{"IL", 2, 2, "+972", "Ltd", amara, english,
		[]string{"נועה|noa", "איתי|itai", "תמר|tamar", "יונתן|yonatan"},
		[]string{"לוי|levi", "מזרחי|mizrahi", "פרידמן|friedman", "ביטון|biton"}},
	{"IN", 5, 5, "+91", "Pvt. Ltd.", haruka, english,
		[]string{"अनिका|anika", "आरव|aarav", "दीपिका|deepika", "विक्रम|vikram"},
		[]string{"शर्मा|sharma", "वर्मा|verma", "जोशी|joshi", "मेहता|mehta"}},
	{"IN", 3, 5, "+91", "Pvt. Ltd.", haruka, english,
		[]string{"கவிதா|kavitha", "முருகன்|murugan", "மீனா|meena", "கார்த்திக்|karthik"},
		[]string{"ராமன்|raman", "செல்வம்|selvam", "சுப்ரமணியம்|subramaniam"}},
	{"TH", 2, 7, "+66", "Co., Ltd.", haruka, english,
		[]string{"สมชาย|somchai", "พิมพ์ชนก|pimchanok", "ธนพล|thanaphon", "สุนิสา|sunisa"},
		[]string{"ศรีสุข|srisuk", "แก้วมณี|kaewmanee", "ทองดี|thongdee"}},
	{"VN", 2, 7, "+84", "Co., Ltd.", haruka, english,
		[]string{"Minh", "Hương", "Tuấn", "Linh", "Phương"},
		[]string{"Nguyễn", "Trần", "Phạm", "Võ", "Đặng"}},
	{"CN", 4, 8, "+86", "Co., Ltd.", haruka, []string{"zh"},
		[]string{"伟|wei", "芳|fang", "晓明|xiaoming", "静怡|jingyi", "子涵|zihan"},
		[]string{"王|wang", "李|li", "陈|chen", "刘|liu", "赵|zhao"}},
	{"KR", 3, 9, "+82", "Co., Ltd.", haruka, []string{"ko"},
		[]string{"지우|jiwoo", "민준|minjun", "서연|seoyeon", "현우|hyunwoo", "수빈|subin"},
		[]string{"김|kim", "이|lee", "박|park", "최|choi", "정|jung"}},
	{"JP", 7, 9, "+81", "K.K.", haruka, []string{"ja"},
		[]string{"由紀|yuki", "健太|kenta", "さくら|sakura", "大輔|daisuke", "真由美|mayumi", "翔|sho"},
		[]string{"田中|tanaka", "佐藤|sato", "渡辺|watanabe", "小林|kobayashi", "高橋|takahashi", "山本|yamamoto"}},
	{"AU", 3, 10, "+61", "Pty Ltd", haruka, english,
		[]string{"Lachlan", "Matilda", "Kirra", "Declan"},
		[]string{"Thompson", "Walsh", "Kaur", "Doyle"}},
}

// placeOf returns the first place in the country; for an unknown country it returns an English-speaking place.
func placeOf(country *string) *place {
	for i := range places {
		if country != nil && places[i].country == *country {
			return &places[i]
		}
	}
	return &place{languages: english, manager: ingrid}
}
