"""Removes control characters, invisible characters and chat-template signs from foreign text, and limits its length.

Chat-template signs (``<|im_start|>``, ``</tool_result>``, ``[INST]``) lose their brackets, because some runtimes parse
them as the start of another message: docs/decisions/0001-chat-template-signs.md.

A contact's name may come from a web form, so it may hold terminal commands, characters that change the text direction,
or a message in invisible characters. ``clean`` removes all of that. Visible text stays, whatever it says, because it is
the user's data. A name in any script stays byte for byte, with ZWJ and ZWNJ where they are part of its spelling.

Sources: Default_Ignorable_Code_Point of DerivedCoreProperties.txt (the same in Unicode 14 and 18); RFC 5892,
appendix A.1 and A.2, for joiners; ECMA-48 for control sequences; UTS #51 for emoji; StandardizedVariants.txt
and UTS #37 for variation selectors; the Unicode core specification on Bengali, Kannada, Sinhala, Mongolian.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

MAX_MARKS = 8
"""Maximum number of consecutive nonspacing marks.

The tallest stack in use is Tibetan HAKSHMALAWARAYA, one letter with eight marks; Hebrew with points and accents needs
six. The Stream-Safe Text Format (UAX #15, section 13) allows 30, which would overlap other lines.
"""

_ELLIPSIS = "…"
_JOINER_CONTEXT_CHARS = MAX_MARKS + 1  # on either side of a joiner: a full stack and its letter

# Bodies of character classes. Patterns are compiled on first use, to keep the import cheap.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_BREAKS = r"\t-\r\x1c-\x1f\x85\u2028\u2029"  # every line end of str.splitlines() and of terminals
_JOINERS = r"\u200c\u200d"
_MONGOLIAN_SELECTORS = r"\u180b-\u180d\u180f"
_IDEOGRAPHIC_SELECTORS = r"\ufe00-\ufe02\U000e0100-\U000e01ef"
_SELECTORS = r"\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # U+180E, the vowel separator, follows the same rule
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
"""Blank characters that are neither white space nor ignorable: the empty Braille pattern, the object replacement
character, the two Egyptian blanks and the null notehead. ``clean`` keeps them, because Braille text needs them."""
_BLANK_CONTROLS = "\U00013430", "\U0001343f"  # format controls of Egyptian hieroglyphs: the first and the last
_ROLES = (  # names of tags in the chat templates of models
    "assistant|bos|context|developer|document|eos|function|human|instructions?|invoke|model|pad|s|sys|system|think"
    "|thinking|tool|unk|user"
)
_MAX_SIGN_CHARS = 40  # no chat template has a longer sign
_SKIN_TONES = r"\U0001f3fb-\U0001f3ff"
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MONGOLIAN = r"\u1820-\u1878\u1880-\u18aa"
_DOTTED_MYANMAR = r"\u1000-\u1022\u1031\u1075-\u1080\uaa60-\uaa6f\uaa7a"  # with a dot in Khamti, Aiton and Phake


def clean(text: str, *, limit: int) -> str:
    """Return the text on one line without anything that acts on a terminal, a log or a model.

    A run of line breaks and tabs becomes one space. Other control characters, whole ANSI sequences and invisible
    characters are removed. Lone surrogates become U+FFFD. Visible spaces (U+00A0 and U+3000 too) and all other text
    stay. Cleaning the result again changes nothing. The time grows linearly with the text.

    Args:
        text: Any string, lone surrogates included.
        limit: Maximum number of characters (code points) to return, with the ellipsis of a cut; below 1, none.

    Returns:
        The same object if nothing had to be changed.
    """
    if (  # the brackets are those of _may_hold_signs; a call of it would cost a fifth of this path
        len(text) <= limit
        and text.isascii()
        and text.isprintable()
        and "<" not in text
        and ">" not in text
        and "[" not in text
    ):
        return text
    if _is_suspect(text):
        text = _remove_hostile(text, limit)
    return text if len(text) <= limit else _cut(text, limit)


def is_clean(text: str) -> bool:
    """Return True if ``clean`` would change no part of the text, except for the length of a part.

    One call for many texts, joined by spaces, replaces one call for each text: the search finds single characters, runs
    of marks and signs, and a part holds none that the whole does not hold. If the whole is not printable and a part is,
    the search of the whole looks for more characters than that of the part.
    """
    return (text.isascii() and text.isprintable() and not _may_hold_signs(text)) or not _is_suspect(text)


def shows_nothing(text: str) -> bool:
    """Return True if a clean text has no visible character: only white space, blanks and marks without a letter."""
    if text.isascii():
        return not text or text.isspace()
    return all(map(_is_invisible, text))


def _is_invisible(char: str) -> bool:
    first, last = _BLANK_CONTROLS
    return (
        char.isspace()
        or char in _BLANK
        or first <= char <= last
        or unicodedata.category(char) in {"Mn", "Me"}  # a mark without its letter
    )


def _is_suspect(text: str) -> bool:
    """Return True if ``clean`` may have to change the text; the slow path decides."""
    hidden = _hidden_though_printable() if text.isprintable() else _hidden()
    return bool(
        hidden.search(text)
        or (len(text) > MAX_MARKS and _tall_stack().search(text))
        or (_may_hold_signs(text) and _template_signs().search(text))
    )


def _may_hold_signs(text: str) -> bool:
    """Return True if the text has a bracket of a chat-template sign; most texts have none."""
    return "<" in text or ">" in text or "[" in text


@cache
def _template_signs() -> re.Pattern[str]:
    """Return the pattern of the brackets of chat-template signs.

    Replacing one match never creates another: the context of a match holds no bracket that is replaced without it.
    """
    word = r"[A-Za-z][\w-]{0,29}"
    name = rf"(?:/{word}|{word}/|[A-Za-z]{{1,15}}[_:][\w:-]{{1,20}}|(?i:{_ROLES}))"
    return re.compile(
        r"<(?=[|\uff5c])|(?<=[|\uff5c])>"  # <|im_start|>, with full-width bars too
        rf"|<(?=<?{name}(?:>|/>| {{1,2}}(?:>|\w{{1,15}}=)))"  # </tool_result>, <start_of_turn>, <system>, <invoke name=
        r"|\[/?(?:INST|SYS|[A-Z]{1,15}_[A-Z_]{1,15})\]"  # [INST], [/INST], [TOOL_CALLS]
    )


def _replace_brackets(found: re.Match[str]) -> str:
    """Return similar brackets that no template uses; the length stays the same."""
    return found.group().translate(_HARMLESS_BRACKETS)


_HARMLESS_BRACKETS = str.maketrans("<>[]", "\u2039\u203a()")


@cache
def _hidden() -> re.Pattern[str]:
    return re.compile(rf"[{_CONTROLS}\u2028\u2029\ud800-\udfff{_JOINERS}{_SELECTORS}{_IGNORABLE}{_NOT_TEXT}]")


@cache
def _hidden_though_printable() -> re.Pattern[str]:
    """Return the pattern of the invisible characters that are printable: a shorter class is searched faster."""
    return re.compile(rf"[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0{_SELECTORS}]")


@cache
def _tall_stack() -> re.Pattern[str]:
    r"""Return the pattern of runs that may hold too many marks: no mark is ``\w`` or below U+0300."""
    return re.compile(rf"[^\w\x00-\u02ff]{{{MAX_MARKS + 1},}}")


class _Patterns:
    """Patterns of the slow path. A plain class, because a NamedTuple costs 1.3 ms at import."""

    def __init__(self) -> None:
        # Controls that end no sequence are removed first: a terminal skips them inside a sequence and runs the rest.
        self.unseen = re.compile(rf"[\x00-\x06\x08\x0e-\x1a\x7f{_IGNORABLE}{_NOT_TEXT}]+")
        self.sequence = re.compile(
            # CSI; OSC, DCS, SOS, PM and APC up to their end; the head of an unterminated OSC; other escapes.
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
            # RFC 5892 has no rule for ZWJ before the virama, which spells RA with a following YA in Bengali and
            # Kannada (Rachel, Rank) and touching letters in Sinhala.
            r"|(?<=\u09b0\u200d)(?=\u09cd)|(?<=\u0cb0\u200d)(?=\u0ccd)|(?<=[\u0d9a-\u0dc6]\u200d)(?=\u0dca))?"
        )


@cache
def _patterns() -> _Patterns:
    return _Patterns()


def _remove_hostile(text: str, limit: int) -> str:
    """Remove everything hostile. No step creates a match of an earlier step, so a second run changes nothing."""
    patterns = _patterns()
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    text = patterns.unseen.sub("", text)
    text = patterns.sequence.sub("", text)
    text = patterns.control.sub("", text)
    text = patterns.line_break.sub(" ", text)
    text = patterns.selectors.sub(_keep_valid_selectors, text)
    text = _tall_stack().sub(_lower_stacks, text)
    text = patterns.joiners.sub(r"\1", text)  # two ZWNJ in a row are a common typing error in Persian
    # No two joiners are neighbours now, so at least every second character stays. The slice fills the limit and holds
    # the whole of a sign that begins before the limit.
    text = patterns.joiner.sub(_keep_valid_joiner, text[: 2 * (max(limit, 0) + 1 + _MAX_SIGN_CHARS)])
    return _template_signs().sub(_replace_brackets, text) if _may_hold_signs(text) else text


def _keep_valid_selectors(found: re.Match[str]) -> str:
    kept = _patterns().selected.match(found.string, max(0, found.start() - 1))
    return kept.group()[1:] if kept else ""


def _lower_stacks(run: re.Match[str]) -> str:
    kept = []
    height = 0
    for char in run.group():
        if unicodedata.category(char) in {"Mn", "Me"}:
            height += 1
        elif char not in "\u200c\u200d":  # a later step may remove a joiner and so join the stacks beside it
            height = 0
        if height <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _keep_valid_joiner(found: re.Match[str]) -> str:
    start = max(0, found.start() - _JOINER_CONTEXT_CHARS)
    around = found.string[start : found.end() + _JOINER_CONTEXT_CHARS]
    return found.group() if found[1] is not None or _contextj_allows(around, found.start() - start) else ""


def _contextj_allows(text: str, position: int) -> bool:
    import idna

    try:
        return idna.valid_contextj(text, position)
    except ValueError:  # a neighbour that is unknown to Python's Unicode; IDNAError is a ValueError too
        return False


def _cut(text: str, limit: int) -> str:
    """Return the longest beginning that fits before an ellipsis and ends between two visible characters."""
    if limit < 1:
        return ""
    end = limit - 1
    while end and _splits_character(text, end):
        end -= 1
    # A ZWNJ at the cut has lost its second letter.
    return _patterns().joiner.sub(_keep_valid_joiner, text[:end] + _ELLIPSIS)


def _splits_character(text: str, position: int) -> bool:
    """Return True if a cut here would split a grapheme cluster (UAX #29), a conjunct or an emoji sequence."""
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
