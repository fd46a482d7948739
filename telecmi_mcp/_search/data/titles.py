"""Variants of words in job titles, such as "mgr" and "manager".

Initials (CEO, VP, HR) are not in the table: `fields/abbreviations.py` derives them.
Sources: the abbreviations in the National Classification of Occupations (India, 2015) and on job portals.
"""

_VARIANTS = """
mgr manager mngr
sr senior snr
jr junior jnr
asst assistant
assoc associate
exec executive
engg engineering
engr engineer eng
dir director
dy deputy dep
admin administrator administration administrative
acct accountant account
accts accounts
accountant accounts
sup supervisor supr
supt superintendent
tech technical technician
mktg marketing
ops operations
govt government
sales selling
secy secretary
incharge charge
prop proprietor
dev development developer
rep representative
pres president
mfg manufacturing
dept department
"""
TITLE_VARIANTS: dict[str, frozenset[str]] = {}
"""Other words with the same meaning, by word."""
for _line in _VARIANTS.strip().splitlines():
    _group = frozenset(_line.split())
    for _word in _group:
        TITLE_VARIANTS[_word] = TITLE_VARIANTS.get(_word, frozenset()) | (_group - {_word})
_LONG = """
md: managing director, medical doctor
ceo: chief executive officer
cfo: chief financial officer, chief finance officer
coo: chief operating officer, chief operations officer
cto: chief technology officer, chief technical officer
cio: chief information officer, chief investment officer
cmo: chief marketing officer, chief medical officer
vp: vice president
avp: assistant vice president, associate vice president
svp: senior vice president
evp: executive vice president
gm: general manager
agm: assistant general manager
dgm: deputy general manager
hr: human resources, human resource
it: information technology
qa: quality assurance
qc: quality control
pa: personal assistant
ea: executive assistant
pm: project manager, product manager
tl: team lead, team leader
ca: chartered accountant
cs: company secretary
"""
LONG_TITLES: dict[str, frozenset[str]] = {}
"""Short forms of titles that stand for these words and no others: MD is no marketing director."""
for _line in _LONG.strip().splitlines():
    _short, _, _rest = _line.partition(":")
    LONG_TITLES[_short] = frozenset(_each.strip() for _each in _rest.split(","))
