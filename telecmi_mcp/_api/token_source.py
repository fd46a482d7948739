"""Protocol of a token source, which provides the client's token, and facts about that token."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pydantic import SecretStr

    from telecmi_mcp import errors

DAY = 86_400.0
LIFETIME_DAYS = 30  # TeleCMI's page "login-token"; others have seen tokens that die earlier
NOTICE_DAYS = 5


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """Facts about the token in use, without the token.

    Attributes:
        source: Where it comes from, in words for a person; "" for none.
        user_id: The TeleCMI user, if known.
        issued_at: When TeleCMI issued it, a Unix time, if known.
        renewal: Whether it is renewed without a person.
        organisation: The organisation whose contacts several users share; "" for the user's own contacts.
    """

    source: str = ""
    user_id: str = ""
    issued_at: float | None = None
    renewal: bool = False
    organisation: str = ""

    def age_days(self, now: float) -> int | None:
        """Whole days since it was issued, never negative."""
        return None if self.issued_at is None else max(0, math.floor((now - self.issued_at) / DAY))

    def notice(self, now: float) -> str:
        """Return a notice shortly before the token ends, if it is not renewed; "" otherwise."""
        age = self.age_days(now)
        if age is None or self.renewal or age < LIFETIME_DAYS - NOTICE_DAYS:
            return ""
        left = LIFETIME_DAYS - age
        end = "about now" if left <= 0 else f"in about {left} {'day' if left == 1 else 'days'}"
        return f"The TeleCMI sign-in ends {end}: the user should run telecmi-mcp login in a terminal."


class TokenSource(Protocol):
    """Provides the token of a call, and another one when TeleCMI refuses it."""

    async def current(self) -> SecretStr:
        """Return the token to use now.

        Raises:
            SignInError: There is no token.
        """
        ...

    async def held(self) -> SecretStr | None:
        """Return the stored token without a request to TeleCMI; ``None`` if there is none.

        Raises:
            TelecmiError: The store cannot be read.
        """
        ...

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return another token than the refused one, or ``None`` if there is no other."""
        ...

    def explain(self, refusal: errors.TokenRejected) -> errors.TokenRejected:
        """Return the refusal with the advice that fits this source."""
        ...

    @property
    def origin(self) -> TokenInfo:
        """Facts about the token in use."""
        ...
