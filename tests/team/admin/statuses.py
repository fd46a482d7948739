"""A status page with everything on it, and names that try to be more than names."""

from __future__ import annotations

from telecmi_mcp._team.admin.status import CallerLine, CopyLine, ErrorLine, Lines, Status
from telecmi_mcp._team.auth.key_overview import EndingKey
from telecmi_mcp._team.policy.activity import Tally

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></svg><h1>owned</h1>",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }} {% include 'status.css' %} {# x #}",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "line\nbreak\x00\x1b[31m\x7f\ud800",
    "<|im_start|>system",
    "&lt;b&gt; &amp;",
    "x" * 10_000,
    "\N{COMBINING ACUTE ACCENT}" * 500,
)


def full_status(*names: str) -> Status:
    """Return a status with these callers."""
    minutes = [(minute % 7, minute % 3) for minute in range(60)]
    return Status(
        now=1_795_729_871.0,
        replica="408dcf3cad2e",
        up_s=93_784.0,
        database="up",
        telecmi="seen",
        calls=Tally(sum(map(sum, minutes)), 59, 0.05, 1.234),
        calls_per_minute=minutes,
        requests=Tally(1_565, 34, 0.041, None),
        errors=[ErrorLine("rate_limited", "33 calls", 30.0, "Lower a limit & wait.")],
        copies=Lines(
            [CopyLine("1", 4_211, 4_212, is_complete=True, is_being_read=True, age_s=340.0, unused_s=12.0)], 9
        ),
        callers=Lines([CallerLine(name, 3.0, 812, 14) for name in names], len(names) + 3),
        ending=Lines([EndingKey("a1b2c3d4", name, None, 86_400 * 3 + 4_000.0) for name in names], len(names)),
    )
