# ruff: noqa: RUF001 - names stand in their own scripts, whose letters may look like Latin ones
"""Lists the names of invented people, each with the ASCII letters of its e-mail address.

A table is a list of entries, separated by commas; an entry is `name=ascii`, or only the name if it is ASCII. Invisible
characters are written as escapes, so that a reader of this file sees them.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

Name: TypeAlias = tuple[str, str]
"""A name in its script, and in the ASCII letters of an e-mail address."""


@dataclass(frozen=True, slots=True)
class Region:
    """Given names, family names and telephone countries of one language or region."""

    given: str
    family: str
    countries: tuple[str, ...] = ("in",)


@cache
def read_names(table: str) -> tuple[Name, ...]:
    """Return the entries of a table."""
    entries = (entry.strip().partition("=") for entry in table.split(","))
    return tuple((name, ascii_name or _mailable(name)) for name, _, ascii_name in entries)


def _mailable(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())


_NORTH_INDIA: Final = Region(
    "Priya, Aarav, Ananya, Rohan, Ishita, Kabir, Meera, Vikram, Neha, Arjun, Sunita, Imran, Gurpreet, Zoya",
    "Sharma, Gupta, Khanna, Verma, Mehta, Kapoor, Malhotra, Chaudhary, Joshi, Bhatt, Qureshi, Gill, Rao",
)
_SOUTH_INDIA: Final = Region(
    "Karthik, Lakshmi, Senthil, Divya, Venkatesh, Anjali, Murugan, Revathi, Sandhya, Harish, Naveen",
    "Subramanian, Iyer, Nair, Reddy, Krishnan, Menon, Pillai, Gowda, Hegde, Rajagopal, Kuruvilla, Naidu",
)
_DEVANAGARI: Final = Region(
    "अर्जुन=arjun, सुनीता=sunita, विक्रम=vikram, राधिका=radhika, सूर्\u200dया=surya, नेहा=neha, ज्योति=jyoti",
    "शर्मा=sharma, गुप्ता=gupta, त्रिपाठी=tripathi, जोशी=joshi, कुलकर्णी=kulkarni, देशमुख=deshmukh, चौधरी=chaudhary",
)
_TAMIL: Final = Region(
    "கார்த்திக்=karthik, மீனாட்சி=meenakshi, செந்தில்=senthil, லட்சுமி=lakshmi, முருகன்=murugan, கவிதா=kavitha",
    "சுப்பிரமணியன்=subramanian, இராமநாதன்=ramanathan, கிருஷ்ணன்=krishnan, பாலசுந்தரம்=balasundaram",
)
_TELUGU: Final = Region(
    "వెంకటేష్=venkatesh, లక్ష్మి=lakshmi, శ్రీనివాస్=srinivas, పద్మావతి=padmavathi, అనిల్=anil",
    "రెడ్డి=reddy, నాయుడు=naidu, శాస్త్రి=sastry, చౌదరి=chowdary",
)
_BENGALI: Final = Region(
    "অনির্বাণ=anirban, শর্মিলা=sharmila, সৌমিত্র=soumitra, উৎপল=utpal, রীতা=rita, দেবযানী=debjani",
    "চট্টোপাধ্যায়=chattopadhyay, বন্দ্যোপাধ্যায়=bandyopadhyay, সেনগুপ্ত=sengupta, ঘোষ=ghosh, দত্ত=dutta",
)
# Chillu letters in both spellings: one character, and the older sequence that ends in U+200D.
_MALAYALAM: Final = Region(
    "അനിൽ=anil, ജയൻ=jayan, സുരേന്ദ്രന\u0d4d\u200d=surendran, ശ്രീലത=sreelatha, രമേശൻ=ramesan, മീര=meera",
    "നായർ=nair, മേനോൻ=menon, കുറുപ്പ്=kurup, വർമ്മ=varma, നമ്പൂതിരി=namboothiri",
)
_GUJARATI: Final = Region(
    "જિગ્નેશ=jignesh, હેતલ=hetal, ભાવિન=bhavin, કિંજલ=kinjal, મનીષ=manish",
    "પટેલ=patel, શાહ=shah, દેસાઈ=desai, મહેતા=mehta, ત્રિવેદી=trivedi",
)
_KANNADA: Final = Region(
    "ಮಂಜುನಾಥ=manjunath, ಸುಧಾ=sudha, ರಾಘವೇಂದ್ರ=raghavendra, ಅಕ್ಷತಾ=akshata",
    "ಗೌಡ=gowda, ಹೆಗಡೆ=hegde, ಶೆಟ್ಟಿ=shetty, ಕುಲಕರ್ಣಿ=kulkarni",
)
_GURMUKHI: Final = Region(
    "ਗੁਰਪ੍ਰੀਤ=gurpreet, ਹਰਜੀਤ=harjit, ਮਨਦੀਪ=mandeep, ਅੰਮ੍ਰਿਤ=amrit",
    "ਸਿੰਘ=singh, ਕੌਰ=kaur, ਗਿੱਲ=gill, ਸੰਧੂ=sandhu",
    ("in", "gb"),
)
_ARABIC: Final = Region(
    "محمد=mohammed, فاطمة=fatima, عبد الرحمن=abdulrahman, ليلى=layla, يوسف=yousef",
    "الحسيني=alhusseini, العمري=alomari, الخطيب=alkhatib, منصور=mansour",
    ("gb", "us"),
)
# Persian spells some names with U+200C.
_PERSIAN: Final = Region(
    "علی\u200cرضا=alireza, محمد\u200cحسین=mohammadhossein, امیر\u200cعلی=amirali, گل\u200cناز=golnaz",
    "حسینی=hosseini, نوری\u200cزاده=nourizadeh, رضایی=rezaei, کاظمی=kazemi",
    ("de", "us"),
)
_HEBREW: Final = Region("יעל=yael, אורי=uri, נועה=noa, דוד=david", "כהן=cohen, לוי=levi, מזרחי=mizrahi", ("us", "gb"))
_HAN: Final = Region(
    "偉明=weiming, 秀英=xiuying, 小龙=xiaolong, 雅婷=yating, 志强=zhiqiang",
    "王=wang, 李=li, 陳=chen, 欧阳=ouyang, 张=zhang",
    ("au", "us"),
)
_JAPANESE: Final = Region(
    "さくら=sakura, 健太=kenta, ユキ=yuki, 美咲=misaki",
    "佐藤=sato, 髙橋=takahashi, 渡邉=watanabe",
    ("us", "au"),
)
_HANGUL: Final = Region("민준=minjun, 서연=seoyeon, 지우=jiwoo", "김=kim, 이=lee, 박=park, 남궁=namgung", ("us", "au"))
_CYRILLIC: Final = Region(
    "Алёна=alyona, Дмитрий=dmitry, Оксана=oksana, Богдан=bohdan, Юлия=yulia",
    "Соловьёва=solovyova, Ковальчук=kovalchuk, Йовович=jovovic, Щербак=shcherbak",
    ("de", "gb"),
)
_GREEK: Final = Region(
    "Ελένη=eleni, Γιώργος=giorgos, Σοφία=sofia, Νίκος=nikos",
    "Παπαδοπούλου=papadopoulou, Οικονόμου=oikonomou, Αγγελίδης=angelidis",
    ("de", "au"),
)
_THAI: Final = Region("สมชาย=somchai, มาลี=malee, กมลชนก=kamonchanok", "ใจดี=jaidee, แก้วมณี=kaewmanee", ("au", "gb"))
_ACCENTS: Final = Region(
    "Zoë=zoe, François=francois, Søren=soren, Łucja=lucja, Þórdís=thordis, Jürgen=juergen, Nguyệt=nguyet",
    "Müller=mueller, Dvořák=dvorak, Å=aa, Nuñez=nunez, Żółć=zolc, Đặng=dang, Lefèvre=lefevre",
    ("de", "fr", "ie", "gb"),
)
_ENGLISH: Final = Region(
    "Grace, Oliver, Mary-Jane, Liam, Chloe, Jean-Luc, Amelia, Seán=sean, Olivia, Noah, Jo, Christopher",
    "O'Brien, Whitfield, MacAllister, van der Berg, Smith-Jones, Ng, Okafor, St. John, D'Souza, Hawthorne",
    ("gb", "us", "au", "ie"),
)

CYCLE: Final = (
    _NORTH_INDIA, _SOUTH_INDIA, _DEVANAGARI, _ENGLISH, _NORTH_INDIA, _TAMIL, _ACCENTS, _SOUTH_INDIA, _TELUGU,
    _ENGLISH, _NORTH_INDIA, _BENGALI, _HAN, _SOUTH_INDIA, _MALAYALAM, _CYRILLIC, _NORTH_INDIA, _GUJARATI,
    _PERSIAN, _ENGLISH, _KANNADA, _ARABIC, _NORTH_INDIA, _GREEK, _GURMUKHI, _SOUTH_INDIA, _JAPANESE,
    _MALAYALAM, _NORTH_INDIA, _HEBREW, _ENGLISH, _HANGUL, _DEVANAGARI, _THAI, _ACCENTS,
)  # fmt: skip
"""Region of each contact by its number: every script comes early with every seed."""
