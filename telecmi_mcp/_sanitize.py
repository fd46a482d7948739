"""Text that others wrote, made harmless before it leaves: no controls, nothing invisible, nothing endless.

The signs of a chat template (``<|im_start|>``, ``</tool_result>``, ``[INST]``) lose their brackets, for some runtimes
take them for the beginning of another message: docs/decisions/0001-chat-template-signs.md.

A contact's name may come from a web form, so it may hold terminal commands, letters that change direction, or
a message in characters that nobody sees. All of that goes; what a person can read stays, whatever it says,
because it is the user's data. Names come through byte for byte, with ZWJ and ZWNJ where they spell something.

Sources: Default_Ignorable_Code_Point of DerivedCoreProperties.txt (the same in Unicode 14 and 18); RFC 5892,
appendix A.1 and A.2, for joiners; ECMA-48 for control sequences; UTS #51 for emoji; StandardizedVariants.txt
and UTS #37 for variation selectors; the Unicode core specification on Bengali, Kannada, Sinhala, Mongolian.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

MOST_MARKS = 8
"""How many nonspacing marks may follow one another.

The tallest stack in use is Tibetan HAKSHMALAWARAYA, one letter with eight marks; Hebrew with points and
accents needs six. The Stream-Safe Text Format (UAX #15, section 13) allows 30, which smears over other lines.
"""

_ELLIPSIS = "…"
_REACH = MOST_MARKS + 1  # characters that a joiner sees on either side: a full stack and its letter

# The insides of character classes. Patterns are compiled when first needed, to keep the import cheap.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_BREAKS = r"\t-\r\x1c-\x1f\x85\u2028\u2029"  # everything that str.splitlines() or a terminal takes for a new line
_JOINERS = r"\u200c\u200d"
_MONGOLIAN_SELECTORS = r"\u180b-\u180d\u180f"
_IDEOGRAPHIC_SELECTORS = r"\ufe00-\ufe02\U000e0100-\U000e01ef"
_SELECTORS = r"\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # U+180E, the vowel separator, is judged with them
_IGNORABLE = (  # Default_Ignorable_Code_Point without the joiners and the selectors
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    r"\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_NOT_TEXT = (  # private use, interlinear annotation, noncharacters
    r"\ue000-\uf8ff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff"
    + "".join(rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(1, 15))
)
_EMOJI = (  # Emoji of UTS #51 without digits, letters of flags and skin tones; whole blocks above the BMP
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3"
    r"\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2604\u260e\u2611\u2614\u2615"
    r"\u2618\u261d\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640\u2642\u2648-\u2653\u265f"
    r"\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u267f\u2692-\u2697\u2699\u269b\u269c\u26a0\u26a1\u26a7"
    r"\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26c8\u26ce\u26cf\u26d1\u26d3\u26d4\u26e9\u26ea"
    r"\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702\u2705\u2708-\u270d\u270f\u2712\u2714\u2716\u271d\u2721"
    r"\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797\u27a1\u27b0"
    r"\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    r"\U0001f004\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f201"
    r"\U0001f202\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f3fa"
    r"\U0001f400-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0\U0001f90c-\U0001f9ff\U0001fa70-\U0001faff"
)
_BLANK = "\u2800\ufffc\U00013441\U00013442\U0001d159"
"""Characters that leave no ink and are neither white space nor ignorable: the empty Braille pattern, the object
replacement character, the two Egyptian blanks and the null notehead. They stay among others, as Braille needs."""
_BLANK_CONTROLS = "\U00013430", "\U0001343f"  # format controls of Egyptian hieroglyphs: the first and the last
_ROLES = (  # which a tag of no other kind is named after, in the templates and formats of models
    "assistant|bos|context|developer|document|eos|function|human|instructions?|invoke|model|pad|s|sys|system|think"
    "|thinking|tool|unk|user"
)
_MAX_SIGN_CHARS = 40  # of what decides about a bracket; a longer sign is none that a template has
_SKIN_TONES = r"\U0001f3fb-\U0001f3ff"
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MONGOLIAN = r"\u1820-\u1878\u1880-\u18aa"
_DOTTED_MYANMAR = r"\u1000-\u1022\u1031\u1075-\u1080\uaa60-\uaa6f\uaa7a"  # Khamti, Aiton and Phake dot these


def clean(text: str, *, limit: int) -> str:
    """Text that can be shown, logged and read by a model without doing anything.

    Line breaks and tabs become one space a run; other controls, whole ANSI sequences and everything invisible
    go; lone surrogates become U+FFFD; visible spaces (U+00A0 and U+3000 too) and all other text stay. The
    result is one line, and cleaning it again changes nothing. Time grows linearly with the text.

    Args:
        text: Any string, lone surrogates included.
        limit: The most characters (code points) to return, the ellipsis of a cut included; below 1, none.

    Returns:
        The same object where nothing was to be done.
    """
    if len(text) <= limit and text.isascii() and text.isprintable() and not _may_hold_signs(text):
        return text
    if _is_suspect(text):
        text = _without_hostile(text, limit)
    return text if len(text) <= limit else _cut(text, limit)


def is_clean(text: str) -> bool:
    """Whether cleaning would leave every part of the text as it is, but for a part's length.

    So one look at many texts, with a space between each two, is as good as a look at each. What is looked for are
    single characters and runs of marks, and a part has no other ones than the whole; where the whole is not printable
    and a part is, the whole was searched for more.
    """
    return (text.isascii() and text.isprintable() and not _may_hold_signs(text)) or not _is_suspect(text)


def shows_nothing(text: str) -> bool:
    """Whether a reader sees nothing of a clean text: white space, blank characters and marks without a letter only."""
    if text.isascii():
        return not text or text.isspace()
    return all(map(_leaves_no_ink, text))


def _leaves_no_ink(char: str) -> bool:
    first, last = _BLANK_CONTROLS
    return (
        char.isspace()
        or char in _BLANK
        or first <= char <= last
        or unicodedata.category(char) in {"Mn", "Me"}  # they stand on a letter, and there is none
    )


def _is_suspect(text: str) -> bool:
    """A few looks at text that is not plain ASCII; the first two are wide, the careful way decides."""
    hidden = _hidden_though_printable() if text.isprintable() else _hidden()
    return bool(
        hidden.search(text)
        or (len(text) > MOST_MARKS and _tall_stack().search(text))
        or (_may_hold_signs(text) and _template_signs().search(text))
    )


def _may_hold_signs(text: str) -> bool:
    """Whether a text may hold a sign of a chat template; most have none of these brackets."""
    return "<" in text or ">" in text or "[" in text


@cache
def _template_signs() -> re.Pattern[str]:
    """The brackets that make a word a sign of a chat template.

    What decides about one holds no bracket that is taken away without it: so taking one away makes no other.
    """
    word = r"[A-Za-z][\w-]{0,29}"
    name = rf"(?:/{word}|{word}/|[A-Za-z]{{1,15}}[_:][\w:-]{{1,20}}|(?i:{_ROLES}))"
    return re.compile(
        r"<(?=[|\uff5c])|(?<=[|\uff5c])>"  # <|im_start|>, with full-width bars too
        rf"|<(?=<?{name}(?:>|/>| {{1,2}}(?:>|\w{{1,15}}=)))"  # </tool_result>, <start_of_turn>, <system>, <invoke name=
        r"|\[/?(?:INST|SYS|[A-Z]{1,15}_[A-Z_]{1,15})\]"  # [INST], [/INST], [TOOL_CALLS]
    )


def _without_template_signs(text: str) -> str:
    return _template_signs().sub(_other_brackets, text) if _may_hold_signs(text) else text


def _other_brackets(found: re.Match[str]) -> str:
    """What a reader takes for the same and no template does; of the same length, so that no text grows."""
    return found.group().translate(_OTHER_BRACKETS)


_OTHER_BRACKETS = str.maketrans("<>[]", "\u2039\u203a()")


@cache
def _hidden() -> re.Pattern[str]:
    return re.compile(rf"[{_CONTROLS}\u2028\u2029\ud800-\udfff{_JOINERS}{_SELECTORS}{_IGNORABLE}{_NOT_TEXT}]")


@cache
def _hidden_though_printable() -> re.Pattern[str]:
    """The invisible ones that Unicode counts among letters and marks; a short class is searched faster."""
    return re.compile(rf"[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0{_SELECTORS}]")


@cache
def _tall_stack() -> re.Pattern[str]:
    r"""Runs that may hold too many marks: no table is needed, for marks are never ``\w`` nor below U+0300."""
    return re.compile(rf"[^\w\x00-\u02ff]{{{MOST_MARKS + 1},}}")


class _Patterns:
    """What the careful way needs; a plain class, because a NamedTuple costs 1.3 ms at import."""

    def __init__(self) -> None:
        # Controls that end no sequence go first: a terminal skips them inside one and runs the rest.
        self.unseen = re.compile(rf"[\x00-\x06\x08\x0e-\x1a\x7f{_IGNORABLE}{_NOT_TEXT}]+")
        self.sequence = re.compile(
            # CSI; OSC, DCS, SOS, PM, APC up to their end; the head of an OSC without an end; other escapes.
            r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
            rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^{_CONTROLS}]*+(?:\x07|\x1b\\|\x9c)"
            r"|(?:\x1b\]|\x9d)[0-9]*+;?"
            r"|\x1b[ -/]*+[0-~]?"
        )
        self.control = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]+")
        self.line_break = re.compile(rf"[{_BREAKS}]+")
        self.selectors = re.compile(rf"[{_SELECTORS}]+")
        self.selected = re.compile(
            rf"[{_EMOJI}][\ufe0e\ufe0f]|[0-9#*]\ufe0f(?=\u20e3)|[{_HAN}][{_IDEOGRAPHIC_SELECTORS}]"
            rf"|[{_MONGOLIAN}][{_MONGOLIAN_SELECTORS}]?\u180e(?=[\u1820\u1821])"
            rf"|[{_MONGOLIAN}][{_MONGOLIAN_SELECTORS}]|[{_DOTTED_MYANMAR}]\ufe00"
        )
        self.joiners = re.compile(rf"([{_JOINERS}])[{_JOINERS}]+")
        self.joiner = re.compile(
            rf"[{_JOINERS}]((?<=[{_EMOJI}]\u200d)(?=[{_EMOJI}])"
            rf"|(?<=[{_EMOJI}][\ufe0f{_SKIN_TONES}]\u200d)(?=[{_EMOJI}])"
            # RFC 5892 knows no ZWJ before the virama, yet it spells RA with a following YA in Bengali and
            # Kannada (Rachel, Rank) and touching letters in Sinhala.
            r"|(?<=\u09b0\u200d)(?=\u09cd)|(?<=\u0cb0\u200d)(?=\u0ccd)|(?<=[\u0d9a-\u0dc6]\u200d)(?=\u0dca))?"
        )


@cache
def _patterns() -> _Patterns:
    return _Patterns()


def _without_hostile(text: str, limit: int) -> str:
    """No step leaves anything that an earlier one would still change: so cleaning twice is cleaning once."""
    patterns = _patterns()
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    text = patterns.unseen.sub("", text)
    text = patterns.sequence.sub("", text)
    text = patterns.control.sub("", text)
    text = patterns.line_break.sub(" ", text)
    text = patterns.selectors.sub(_judge_selectors, text)
    text = _tall_stack().sub(_lower_stacks, text)
    text = patterns.joiners.sub(r"\1", text)  # two ZWNJ in a row are a common slip of Persian typists
    # No two joiners are neighbours now, so at least every second character stays: enough to fill the limit, and to see
    # the whole of a sign that begins before it.
    text = patterns.joiner.sub(_judge_joiner, text[: 2 * (max(limit, 0) + 1 + _MAX_SIGN_CHARS)])
    return _without_template_signs(text)


def _judge_selectors(found: re.Match[str]) -> str:
    kept = _patterns().selected.match(found.string, max(0, found.start() - 1))
    return kept.group()[1:] if kept else ""


def _lower_stacks(run: re.Match[str]) -> str:
    kept = []
    height = 0
    for char in run.group():
        if unicodedata.category(char) in {"Mn", "Me"}:
            height += 1
        elif char not in "\u200c\u200d":  # a joiner may go later, and the stacks beside it would become one
            height = 0
        if height <= MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def _judge_joiner(found: re.Match[str]) -> str:
    start = max(0, found.start() - _REACH)
    around = found.string[start : found.end() + _REACH]
    return found.group() if found[1] is not None or _contextj_allows(around, found.start() - start) else ""


def _contextj_allows(text: str, position: int) -> bool:
    import idna  # its tables take longer to load than all of this module; few texts have a joiner

    try:
        return idna.valid_contextj(text, position)
    except ValueError:  # a neighbour that Python's Unicode does not know; IDNAError is a ValueError as well
        return False


def _cut(text: str, limit: int) -> str:
    """As much as fits before an ellipsis, ending where a reader sees a whole character end."""
    if limit < 1:
        return ""
    end = limit - 1
    while end and _belongs_together(text, end):
        end -= 1
    # A ZWNJ between two letters has lost its reason when the second one went.
    return _patterns().joiner.sub(_judge_joiner, text[:end] + _ELLIPSIS)


def _belongs_together(text: str, position: int) -> bool:
    """Whether a cut here would split a grapheme cluster (UAX #29), a conjunct or an emoji sequence."""
    before, after = text[position - 1], text[position]
    if before.isascii() and after.isascii():
        return False
    return (
        before in "\u180e\u200c\u200d"
        or after in "\u180e\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
        or unicodedata.category(after)[0] == "M"
        or "\u1160" <= after <= "\u11ff"  # vowels and finals of decomposed Hangul
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or (unicodedata.combining(before) == 9 and after.isalpha())  # noqa: PLR2004 - 9 is the class of viramas
        or _splits_flag(text, position)
    )


def _splits_flag(text: str, position: int) -> bool:
    start = position
    while start and "\U0001f1e6" <= text[start - 1] <= "\U0001f1ff":
        start -= 1
    return (position - start) % 2 == 1 and "\U0001f1e6" <= text[position] <= "\U0001f1ff"
