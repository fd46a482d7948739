"""Tests that of several failed checks only the first cause gives advice."""

from __future__ import annotations

import pytest

from telecmi_mcp import errors
from telecmi_mcp._doctor import CheckResult, Verdict, keep_first_cause

NAMES = ("Secrets", "Proxy", "Certificates", "Connection", "Clock", "TeleCMI")


def results(*failed: str) -> tuple[CheckResult, ...]:
    return tuple(
        CheckResult(name, Verdict.BAD if name in failed else Verdict.GOOD, f"says {name}", f"advice of {name}")
        for name in NAMES
    )


@pytest.mark.parametrize(
    ("failed", "error", "left"),
    [
        (("Connection", "TeleCMI"), errors.InsecureConnection(), ["Connection"]),
        (("Connection", "Clock", "TeleCMI"), errors.InsecureConnection(), ["Clock"]),
        (("Proxy", "TeleCMI"), errors.ProxyOrCertificate(), ["Proxy"]),
        (("Certificates", "Connection", "TeleCMI"), errors.ProxyOrCertificate(), ["Certificates"]),
        (("Secrets", "TeleCMI"), errors.NotSignedIn(), ["Secrets"]),
        (("Secrets", "TeleCMI"), errors.Unreachable(), ["Secrets", "TeleCMI"]),
        (("Clock", "TeleCMI"), errors.TokenRejected(404), ["Clock", "TeleCMI"]),
        (("TeleCMI",), errors.Unreachable(), ["TeleCMI"]),
        (("Clock",), None, ["Clock"]),
    ],
)
def test_what_another_check_explains_is_no_cause(
    failed: tuple[str, ...], error: errors.TelecmiError | None, left: list[str]
) -> None:
    kept = keep_first_cause(results(*failed), error)
    assert [each.about for each in kept if each.verdict is Verdict.BAD] == left
    assert [each.about for each in kept] == list(NAMES)
    for each in kept:
        if each.about in failed and each.about not in left:
            assert each == CheckResult(each.about, Verdict.UNKNOWN, f"says {each.about}; first see {left[0]}")
