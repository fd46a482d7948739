"""Hypothesis strategies for the entries of a page of contacts: sound ones, dirty ones, and no contacts at all."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from paths import SAMPLES
from telecmi_mcp._models import FIELD_LIMITS

SECRET = "tok-123"
NAMES = [name for names in json.loads((SAMPLES / "names.json").read_text("utf-8")).values() for name in names]

# One of each kind of character that cleaning looks at, and ordinary ones beside them.
TROUBLE = "a अ्िa\u0301\u0334\u0f71\t\n\x00\x7f\x85\x9b\x1b[]\\m;\u00a0\u3000\u00ad\u034f\u115f\u17b4\u180b\u180e"
MORE = "\u200b\u200c\u200d\u200e\u202e\u2028\u2029\u3164\ufe0f\ufeff\uffa0\ufffe\ue000\ud800\udfff\U000e0100\U000e0041☀"
BLANK = "\u2800\u2813"
HOSTILE = st.text(st.sampled_from(TROUBLE + MORE + BLANK), max_size=30)
PIECES = st.lists(st.sampled_from(["tok-123", "tok", "-123", "to\u200bk-", "123", "\x00", " "]), max_size=5)
PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=70)
LONG = st.builds(lambda text, times: text * times, st.sampled_from(["ab c", "क्", "e\u0301", " "]), st.integers(50, 120))
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 0.0, -0.0, 919200000000, 919200000000.0, 10**30, 1e300])
)
ODD = st.sampled_from([True, False, [], {}, [1], {"a": 1}])
TEXTS = PLAIN | st.sampled_from(NAMES) | HOSTILE | PIECES.map("".join) | LONG | st.text(max_size=12)
VALUES = TEXTS | st.none() | st.just("") | NUMBERS
ENTRIES = st.fixed_dictionaries({"contact_id": VALUES}, optional=dict.fromkeys([*FIELD_LIMITS][1:], VALUES))
SOUND = st.fixed_dictionaries(
    {"contact_id": st.uuids().map(str)},
    optional=dict.fromkeys([*FIELD_LIMITS][1:], PLAIN | st.sampled_from(NAMES) | st.none()),
)
STRANGE = ODD | st.none() | st.text(max_size=3) | st.dictionaries(st.sampled_from([*FIELD_LIMITS]), ODD | VALUES)
