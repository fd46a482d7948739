"""Honorifics: titles of respect, rank and profession before or after a name.

Sources: the articles on honorifics in Wikipedia, for English and for Hindi, Tamil, Telugu, Kannada, Malayalam, Bengali,
Marathi, Gujarati, Punjabi and Urdu; and the ranks of the Indian Army.
"""

_LEADING_HONORIFICS = """
adv advocate ar architect capt captain ca chi cmdt cmde col colonel com cs cdr comrade deacon doctor dr dra engg
engineer engr er fr  haji hajji hazrat herr hon honble frau imam justice kumari km lady late lt ltgen lord
madam madame maj major master maulana maulvi md messrs miss mister mme mlle monsieur mr mrs ms mx mufti nawab pandit
pastor pt pdt prof professor qari rev reverend senor senora sergeant sgt  shri shree shrimati shriman sir sister
sjt smt sri sow srimati sushri swami thiru selvi selvan  thirumathi tmt thirumati ustad vaidya wg wingcdr janab
"""
_TRAILING_HONORIFICS = """
aunty auntie uncle amma anna annan akka appa avaru avargal bai bahen bhai bhaijaan bhaisaab bhaiya ben behen
chachi chacha da dada dadi didi garu gaaru ji jee kaka kaki khala maam madam mam mem memsaab miyan mausi mama  saab
saaheb saheb sahab sahib san sama sensei sahiba sir  ayya ustaad
  esq jr junior sr senior phd md mbbs mba bcom btech mtech frcs ias ips irs adv llb mphil
"""
LEADING_HONORIFICS = frozenset(_LEADING_HONORIFICS.split())
TRAILING_HONORIFICS = frozenset(_TRAILING_HONORIFICS.split())
HONORIFICS = LEADING_HONORIFICS | TRAILING_HONORIFICS
_IN_NAMES = """
amma anna annan appa ar ayya bai ben ca chi com cs da dada dadi deacon didi fr imam jr junior justice kaka kaki khala km
kumari lord major mam mama master md mem miyan mufti nawab pandit pastor pt qari sama san selvan selvi senior sow sr sri
swami thiru vaidya
"""
IN_NAMES = frozenset(_IN_NAMES.split())
"""Of these, the words that are names as well, or tell a father from his son: Anna Paul, Md Rafi, Ravi Kumar Jr."""
HONORIFIC_SUFFIXES = ("bhai", "ben", "ji", "garu", "amma", "anna", "bai", "sab")
"""Words of respect that are also written as the end of a name, as in Ramnikbhai."""
PLACEHOLDERS = frozenset(("lnu", "fnu", "na", "nil", "null", "none", "unknown", "nan", "test", "xyz", "xxx", "tbd"))
"""What people type where a name or company is missing."""
