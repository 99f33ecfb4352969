"""Counts in reviews.csv what tests assert about it.

    python3 internal/importer/testdata/count.py

It knows the rules of the import, as the documentation says them, and shares no code with the program. Names of
countries are therefore a table of its own: the code of each that is in the file.
"""

import collections
import csv
import datetime
import os
import re
import unicodedata

CODES = {
    "Australia": "AU", "BRAZIL": "BR", "Brazil": "BR", "Canada": "CA", "China": "CN", "Cote d'Ivoire": "CI", "CZ": "CZ",
    "CZE": "CZ", "Czech Republic": "CZ", "Czechia": "CZ", "czech republic": "CZ", "Egypt": "EG", "France": "FR",
    "Germany": "DE", "deu": "DE", "Greece": "GR", "Hong Kong": "HK", "India": "IN", "Ireland": "IE", "Japan": "JP",
    "Korea, Republic of": "KR", "Norway": "NO", "Poland": "PL", "South Africa": "ZA", "Spain": "ES",
    "Trinidad & Tobago": "TT", "Turkey": "TR", "U.S.A.": "US", "UK": "GB", "Ukraine": "UA", "United Arab Emirates": "AE",
    "United Kingdom": "GB", "United States": "US", "Vietnam": "VN",
}
DATES = ["%Y-%m-%d", "%Y/%m/%d", "%d %b %Y", "%B %d, %Y", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z"]
MISSING = {"", "NA", "N/A", "n/a", "n.a.", "NULL", "null", "None", "none", "NaN", "nan", "nil", "-", "--"}
WORDS = ["legroom", "seat", "comfortable", "food", "delay"]


def fold(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", " ".join(text.split())).casefold())


def moment(text):
    for form in DATES:
        try:
            at = datetime.datetime.strptime(text, form)
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
    raise ValueError(text)


def category(score):
    return "detractor" if score <= 6 else "passive" if score <= 8 else "promoter"


rows, rejected, warned, taken = 0, [], [], []
with open(os.path.join(os.path.dirname(__file__), "reviews.csv"), encoding="utf-8", newline="") as file:
    reader = csv.reader(file, strict=True)
    header, line = next(reader), 2
    for cells in reader:
        first, line = line, reader.line_num + 1
        if not any(cells):
            continue  # an empty line, or a row of empty cells
        rows += 1
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        if not re.fullmatch(r"(10|[0-9])(\.0+)?", row["overall_rating"]):
            rejected.append((first, row["overall_rating"]))
            continue
        country = row["author_country"]
        if country and country not in CODES:
            warned.append((first, country))
        name = fold(row["author"])
        taken.append({
            "line": first, "score": int(float(row["overall_rating"])), "at": moment(row["date"]), "text": row["content"],
            "country": CODES.get(country, ""),
            # Without a name, nobody is known to be the same person as anybody else.
            "customer": (name, CODES.get(country, fold(country))) if name else first,
        })

latest = {}
for r in taken:  # of two responses at the same time, the one that came in later
    before = latest.get(r["customer"])
    if before is None or r["at"] >= before["at"]:
        latest[r["customer"]] = r


def count(of, where):
    return sum(1 for r in of if where(r))


print("rows", rows, "of which rejected", rejected)
print("warned of", warned)
print("responses", len(taken), dict(collections.Counter(category(r["score"]) for r in taken)))
print("without a name", count(taken, lambda r: isinstance(r["customer"], int)))
print("without a comment", count(taken, lambda r: r["text"] in MISSING))
print("customers with a name", len({r["customer"] for r in taken if not isinstance(r["customer"], int)}))
print("customers", len({r["customer"] for r in taken}))
print("countries", len({r["country"] for r in taken if r["country"]}))
print("without a country", count(taken, lambda r: not r["country"]))
print("from Brazil", count(taken, lambda r: r["country"] == "BR"), "from Germany", count(taken, lambda r: r["country"] == "DE"))
print("customers whose latest response is a passive's", count(latest.values(), lambda r: category(r["score"]) == "passive"))
print("latest time", max(r["at"] for r in taken), "earliest", min(r["at"] for r in taken))
for word in WORDS:
    whole = re.compile(r"(?<![^\W])" + word + r"(?![^\W])", re.IGNORECASE)
    print("comments with the word", word, count(taken, lambda r: whole.search(r["text"])))
