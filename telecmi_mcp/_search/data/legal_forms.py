"""Legal forms of companies, which a match neither needs nor rests on.

Sources: the ISO 20275 list of entity legal forms (GLEIF), the Indian Companies Act 2013, and abbreviations in common use.
"""

_LEGAL_FORMS = """
ab ag aktiengesellschaft as asa bhd bv bvba co coop corp corporation company cia cie cv eg ev fze fzco fzc fzllc gbr
gesellschaft gmbh gk inc incorporated kabushiki kaisha kft kg kgaa kk limited limitada limitee llc llp lp ltd ltda
lte ltee ltd messrs ms mbh nv oao ohg oooo ooo oy oyj pc plc pllc private pte ptd proprietary pty pvt pjsc
regd registered sa sab sae sarl sas sasu sca sdn sendirian berhad se sl slu snc soc spa spol srl sro
spzoo spolka sro tbk unltd unlimited ug wll zao zrt
"""
LEGAL_FORMS = frozenset(_LEGAL_FORMS.split())
OPTIONAL_ENDINGS = frozenset(("india", "group", "worldwide"))
"""Words that a company's name has behind it or not, and that must not match either."""
AMBIGUOUS_LEGAL_FORMS = frozenset(("ab", "ag", "as", "eg", "ev", "gk", "kg", "lp", "nv", "oy", "sa", "se", "sl"))
"""Legal forms that may as well be how a second name begins."""
ABBREVIATED = frozenset(("bhd", "gmbh", "inc", "llc", "llp", "ltd", "plc", "pte", "pty", "pvt", "sdn"))
"""Legal forms that are one also where more words follow: Acme Ltd Chennai."""
LEADING = frozenset(("messrs", "oao", "ooo", "pjsc", "zao"))
"""Legal forms that stand before the name."""
SYMBOL_FORMS = {"m/s": " ", "m/s.": " ", "(p)": " pvt ", "a/s": " ", "d/b/a": " ", "s/o": " ", "c/o": " "}
"""Forms with signs within, and the words they are read as."""
ABBREVIATED_ENDINGS = frozenset(("india", "limited", "ltd", "company", "corporation", "corp", "co", "sons", "group"))
"""Words at the end of a company's name that its abbreviation has or leaves out: MSIL, ONGC, IRCTC."""
STOP_WORDS = frozenset(["of", "the", "and", "for", "in", "&", "n", "de", "du", "des", "et", "und"])
"""Words within a company's name that its abbreviation leaves out."""
