import pytest

from telecmi_mcp._search.text.readings import readings


@pytest.mark.parametrize(
    ("written", "reading"), [("王", "wang"), ("乐", "yue"), ("吕", "lu"), ("임", "im"), ("정", "jung"), ("영", "yeong")]
)
def test_han_characters_and_hangul_syllables_have_readings(written: str, reading: str) -> None:
    assert reading in readings(written)
