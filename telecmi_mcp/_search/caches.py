"""Lists the caches of words, which hold parts of contacts, so that they can be emptied with the contacts."""

from telecmi_mcp._search.fields.facets import remembered_company, remembered_title
from telecmi_mcp._search.matching.similarity import deletion_costs, letter_bits, profile
from telecmi_mcp._search.matching.word_runs import stored_runs
from telecmi_mcp._search.text.abjads import latin_pattern, phonetic_keys
from telecmi_mcp._search.text.normalize import tokenize
from telecmi_mcp._search.text.phonetics import phonetic_form, phonetic_key

REMEMBERED = (
    tokenize,
    phonetic_key,
    phonetic_form,
    deletion_costs,
    letter_bits,
    profile,
    latin_pattern,
    phonetic_keys,
    stored_runs,
    remembered_company,
    remembered_title,
)


def forget() -> None:
    """Empty the caches. The next searches are a little slower."""
    for remembered in REMEMBERED:
        remembered.cache_clear()
