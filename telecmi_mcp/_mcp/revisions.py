"""Protocol revisions that the server speaks, and what a result in each of them may hold.

The names and the revisions that added them are those of the schemas of the specification (``schema/*/schema.ts``). The
early answers use this module too, so it imports nothing.
"""

from __future__ import annotations

from typing import Any

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions of sessions that begin with ``initialize``, the oldest first."""

STATELESS_VERSIONS = ("2026-07-28",)
"""Revisions whose requests carry their version in ``_meta``."""

SERVED_VERSIONS = tuple(reversed((*HANDSHAKE_VERSIONS, *STATELESS_VERSIONS)))
"""All revisions, the newest first, as ``server/discover`` and the error -32022 name them."""

_ADDED = {
    "2025-03-26": {"annotations", "completions"},
    "2025-06-18": {"outputSchema", "structuredContent", "title"},
    "2025-11-25": {"icons", "websiteUrl"},
}
_LATER = {
    version: frozenset().union(*(names for since, names in _ADDED.items() if since > version))
    for version in HANDSHAKE_VERSIONS
}
# Members that hold objects of the protocol; all others hold values, such as schemas, and stay as they are.
_DESCRIPTIONS = {"arguments", "capabilities", "prompts", "resourceTemplates", "resources", "serverInfo", "tools"}


def fit_to_version(version: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return a result without what a later revision added: some clients refuse members that they do not know."""
    later = _LATER.get(version)
    return _without(later, result) if later else result


def may_lack_id(version: str) -> bool:
    """Whether the answer to an unreadable request has no ``id``, rather than null, as in JSON-RPC.

    The schema allows that since 2025-11-25. So it is with an unknown version too, "".
    """
    return version not in HANDSHAKE_VERSIONS[:-1]


def _without(later: frozenset[str], described: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _fitted(later, value) if name in _DESCRIPTIONS else value
        for name, value in described.items()
        if name not in later
    }


def _fitted(later: frozenset[str], value: Any) -> Any:
    if isinstance(value, dict):
        return _without(later, value)
    return [_fitted(later, each) for each in value] if isinstance(value, list) else value
