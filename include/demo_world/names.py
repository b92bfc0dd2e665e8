"""Small lists of first and last names, as written and in plain letters for the address. Made up pairings.

Latin names carry accents and apostrophes on purpose: a mail that greets Zoë O'Brien wrongly is wrong.
"""

from __future__ import annotations

Name = tuple[str, str]  # as written, in plain letters

LATIN_FIRST: tuple[Name, ...] = (
    ("Zoë", "zoe"),
    ("James", "james"),
    ("Maria", "maria"),
    ("José", "jose"),
    ("Siân", "sian"),
    ("Łukasz", "lukasz"),
    ("Aisha", "aisha"),
    ("Priya", "priya"),
    ("Björn", "bjorn"),
    ("Renée", "renee"),
    ("Thomas", "thomas"),
    ("Anne-Marie", "annemarie"),
    ("Olu", "olu"),
    ("Søren", "soren"),
    ("Grace", "grace"),
    ("Đức", "duc"),
    ("Chloé", "chloe"),
    ("Mateo", "mateo"),
    ("Ngozi", "ngozi"),
    ("Emily", "emily"),
    ("Arjun", "arjun"),
    ("Jürgen", "jurgen"),
    ("D'Andre", "dandre"),
    ("İpek", "ipek"),
    ("Hannah", "hannah"),
    ("Minh", "minh"),
)
LATIN_LAST: tuple[Name, ...] = (
    ("O'Brien", "obrien"),
    ("Nguyễn", "nguyen"),
    ("García", "garcia"),
    ("Müller", "muller"),
    ("Smith", "smith"),
    ("D'Angelo", "dangelo"),
    ("Patel", "patel"),
    ("Okafor", "okafor"),
    ("Lindström", "lindstrom"),
    ("Kowalczyk", "kowalczyk"),
    ("Fitz-Gerald", "fitzgerald"),
    ("Brown", "brown"),
    ("Yılmaz", "yilmaz"),
    ("Çelik", "celik"),
    ("Johnson", "johnson"),
    ("Peña", "pena"),
    ("MacKenzie", "mackenzie"),
    ("van der Berg", "vanderberg"),
    ("Singh", "singh"),
    ("Dvořák", "dvorak"),
    ("Ó Súilleabháin", "osuilleabhain"),
    ("Wilson", "wilson"),
    ("Guðmundsdóttir", "gudmundsdottir"),
    ("Trần", "tran"),
)
THAI_FIRST: tuple[Name, ...] = (
    ("สมชาย", "somchai"),
    ("สุดา", "suda"),
    ("อนันต์", "anan"),
    ("มาลี", "malee"),
    ("กิตติ", "kitti"),
    ("พิมพ์ชนก", "pimchanok"),
    ("ณัฐพล", "nattapon"),
    ("วราภรณ์", "waraporn"),
    ("ธนา", "thana"),
    ("อรทัย", "orathai"),
)
THAI_LAST: tuple[Name, ...] = (
    ("ศรีสุข", "srisuk"),
    ("วงศ์ไทย", "wongthai"),
    ("ใจดี", "jaidee"),
    ("ทองคำ", "thongkham"),
    ("แสงทอง", "saengthong"),
    ("บุญมี", "boonmee"),
    ("รัตนพันธ์", "rattanaphan"),
    ("สุวรรณ", "suwan"),
)
PERSIAN_FIRST: tuple[Name, ...] = (
    ("زهرا", "zahra"),
    ("علی", "ali"),
    ("مریم", "maryam"),
    ("رضا", "reza"),
    ("نسترن", "nastaran"),
    ("آرش", "arash"),
    ("شیرین", "shirin"),
    ("کیان", "kian"),
    ("لیلا", "leila"),
    ("امیرحسین", "amirhossein"),
)
PERSIAN_LAST: tuple[Name, ...] = (
    ("احمدی", "ahmadi"),
    ("حسینی", "hosseini"),
    ("کریمی", "karimi"),
    ("رضایی", "rezaei"),
    ("موسوی", "mousavi"),
    ("نوری", "nouri"),
    ("تهرانی", "tehrani"),
    ("گل‌محمدی", "golmohammadi"),
)
HEBREW_FIRST: tuple[Name, ...] = (
    ("נועה", "noa"),
    ("דוד", "david"),
    ("תמר", "tamar"),
    ("יוסף", "yosef"),
    ("מיכל", "michal"),
    ("איתן", "eitan"),
    ("שרה", "sara"),
    ("אורי", "uri"),
    ("יעל", "yael"),
    ("עומר", "omer"),
)
HEBREW_LAST: tuple[Name, ...] = (
    ("כהן", "cohen"),
    ("לוי", "levi"),
    ("מזרחי", "mizrahi"),
    ("פרץ", "peretz"),
    ("ביטון", "biton"),
    ("אברהם", "avraham"),
    ("בן-דוד", "bendavid"),
    ("שפירא", "shapira"),
)
CHINESE_FIRST: tuple[Name, ...] = (
    ("雅婷", "yating"),
    ("志明", "chihming"),
    ("淑芬", "shufen"),
    ("家豪", "chiahao"),
    ("怡君", "yichun"),
    ("俊傑", "chunchieh"),
    ("美玲", "meiling"),
    ("冠宇", "kuanyu"),
    ("詩涵", "shihhan"),
    ("建宏", "chienhung"),
)
CHINESE_LAST: tuple[Name, ...] = (
    ("陳", "chen"),
    ("林", "lin"),
    ("黃", "huang"),
    ("張", "chang"),
    ("李", "lee"),
    ("王", "wang"),
    ("歐陽", "ouyang"),
    ("吳", "wu"),
    ("劉", "liu"),
    ("蔡", "tsai"),
)

NAMES_BY_LANGUAGE: dict[str, tuple[tuple[Name, ...], tuple[Name, ...]]] = {
    "en": (LATIN_FIRST, LATIN_LAST),
    "th": (THAI_FIRST, THAI_LAST),
    "fa": (PERSIAN_FIRST, PERSIAN_LAST),
    "he": (HEBREW_FIRST, HEBREW_LAST),
    "zh": (CHINESE_FIRST, CHINESE_LAST),
}
