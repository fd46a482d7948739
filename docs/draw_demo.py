"""Draw the demo as an animated picture for the README: ``make picture``.

What is drawn is what ``telecmi-mcp demo`` says at that moment, line by line; nothing is retouched. The picture is an
SVG without scripts, fonts or anything from elsewhere; where motion is not wanted, it shows the whole session at once.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

PICTURE = Path(__file__).with_name("demo.svg")

_COLUMN = 8.4  # pixels; the width of a character of 14 pixels in the usual monospaced fonts
_LINE = 20
_EDGE = 24
_TOP = 56
_PAUSE = 1.1  # seconds between one question and the next
_ROUND = 14  # seconds until it begins again
_SEGMENT = re.compile(r"\S+(?: \S+)*")

_FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title">
<title id="title">{title}</title>
<style>
text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d6deeb }}
.asked {{ fill: #7fdbca }} .refused {{ fill: #ffb86b }}
@media (prefers-reduced-motion: no-preference) {{
{motion}
}}
</style>
<rect width="{width}" height="{height}" rx="10" fill="#011627"/>
<circle cx="24" cy="22" r="6" fill="#ff5f56"/><circle cx="44" cy="22" r="6" fill="#ffbd2e"/>
<circle cx="64" cy="22" r="6" fill="#27c93f"/>
{scenes}
</svg>
"""


def main() -> int:
    """Run the demo and write the picture."""
    PICTURE.write_text(draw(demo()), encoding="utf8")
    return 0


def demo() -> str:
    """Return what the demo says."""
    command = [sys.executable, "-X", "utf8", "-m", "telecmi_mcp", "demo"]
    return subprocess.run(command, stdout=subprocess.PIPE, encoding="utf8", check=True).stdout


def draw(session: str) -> str:
    """Return the picture of a session: each question with its answer is a scene, and comes after the one before."""
    lines = session.rstrip("\n").split("\n")
    scenes: list[list[str]] = [[]]
    for number, line in enumerate(lines):
        if line.startswith(">"):
            scenes.append([])
        scenes[-1] += _drawn(line, _TOP + number * _LINE)
    return _FRAME.format(
        width=round(2 * _EDGE + max(map(len, lines)) * _COLUMN),
        height=_TOP + len(lines) * _LINE,
        title=escape(lines[0]),
        motion="\n".join(_motion(number) for number in range(len(scenes))),
        scenes="\n".join("\n".join([f'<g id="s{number}">', *scene, "</g>"]) for number, scene in enumerate(scenes)),
    )


def _motion(scene: int) -> str:
    begins = 100 * scene * _PAUSE / _ROUND
    shown = f"0%, {begins:.0f}% {{ opacity: 0 }} {begins + 2:.0f}%, 97% {{ opacity: 1 }} 100% {{ opacity: 0 }}"
    return f"  #s{scene} {{ animation: s{scene} {_ROUND}s infinite }} @keyframes s{scene} {{ {shown} }}"


def _drawn(line: str, y: int) -> list[str]:
    # Each column stands at its own place: letters of other scripts have other widths.
    kind = ' class="asked"' if line.startswith(">") else ' class="refused"' if line.startswith("  error") else ""
    return [
        f'<text{kind} x="{_EDGE + found.start() * _COLUMN:.1f}" y="{y}">{escape(found[0])}</text>'
        for found in _SEGMENT.finditer(line)
    ]


if __name__ == "__main__":
    raise SystemExit(main())
