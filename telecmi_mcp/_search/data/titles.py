"""Short and long forms of the words of job titles; what is made of first letters (CEO, VP, HR) needs no table.

Source: the abbreviations that the National Classification of Occupations (India, 2015) and job portals use.
"""

_SAME = """
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
SAME_TITLES: dict[str, frozenset[str]] = {}
"""Words of titles that mean the same, each with the others."""
for _line in _SAME.strip().splitlines():
    _group = frozenset(_line.split())
    for _word in _group:
        SAME_TITLES[_word] = SAME_TITLES.get(_word, frozenset()) | (_group - {_word})
