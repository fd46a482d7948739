"""Romanisations of the letters of the Arabic, Hebrew and Thai scripts.

In the tables, "-" is the empty romanisation: the letter may be omitted.
Sources: the romanisation tables of the Library of Congress and of BGN/PCGN for Arabic, Persian, Urdu and Hebrew, the
Royal Thai General System, and spellings in passports that differ from these.
"""

_ARABIC = """
ا -|a ب b|p ت t|th ث th|s|t ج j|g|dj|dz|c ح h|kh خ kh|h|k|ch د d|dh|t ذ dh|th|z|d ر r ز z|s س s|c|ss ش sh|ch|s ص s|c ض d|dh|z ط t
ظ z|dh|th ع -|a غ gh|g|q|k ف f|ph|v ق q|k|g|c|gh|kh ك k|c|q ل l م m ن n ه -|h و -|w|v|u|o ي -|y|i ى -|y|a پ p|b چ ch|c|tch
ژ zh|z|j گ g|gh ک k|c|q ی -|y|i ے -|y ہ -|h ھ -|h ٹ t ڈ d ڑ r|d ں n|- ۃ -|h|t ئ -|y|i ؤ -|w|u|o ء -
"""
_HEBREW = """
א - ב b|v|w ג g|j|gh ד d ה -|h ו -|v|w|o|u ז z|s ח ch|h|kh|k ט t|th י -|y|j|i כ k|ch|c|kh ך k|ch|c|kh ל l מ m ם m נ n ן n ס s|z|c ע -|a
פ p|f|ph ף f|p|ph צ ts|tz|z|c|s ץ ts|tz|z|c|s ק k|q|c|ck ר r ש sh|s|sch|ch ת t|th|s
"""
_THAI = """
ก k|g ข kh|k ค kh|k|c ฆ kh|k ง ng จ ch|j|t|c ฉ ch|c ช ch|c|t|j ซ s ฌ ch ญ y|n ฎ d|t ฏ t|d ฐ th|t ฑ th|t|d ฒ th|t ณ n ด d|t ต t|d ถ th|t
ท th|t ธ th|t น n บ b|p ป p|b ผ ph|p ฝ f พ ph|p|b ฟ f|p ภ ph|p|b ม m ย y|i|- ร r|n|- ล l|n ว w|v|u|o|- ศ s|t ษ s|t ส s|t ห h|- ฬ l|n อ - ฮ h
"""
ROMANISATIONS = {
    letter: tuple("" if each == "-" else each for each in choices.split("|"))
    for table in (_ARABIC, _HEBREW, _THAI)
    for letter, choices in zip(*[iter(table.split())] * 2, strict=True)
}
"""Latin spellings, by letter."""
LETTER_VARIANTS = str.maketrans(
    {
        **dict.fromkeys("أإآٱ", "ا"),
        "ى": "ی",
        "ي": "ی",
        "ئ": "ی",
        "ؤ": "و",
        "ك": "ک",
        "ة": "ه",
        "ۃ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ے": "ی",
        "ۀ": "ه",
        "ء": None,
        "ـ": None,
    }
)
"""Translation table: maps interchangeable letters of Arabic, Persian and Urdu to one, and removes hamza and tatweel."""
ARTICLES = ("ال",)
"""Articles that are a prefix of a name and that other spellings omit."""
THAI_SILENT_MARK = "\N{THAI CHARACTER THANTHAKHAT}"
"""The Thai mark of a silent letter."""
