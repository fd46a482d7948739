"""Protocol of a token source, which gives the client its token, and what is known of that token."""

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
    """What is known of the token in use, without the token.

    Attributes:
        source: Where it comes from, in words for a person; "" for nowhere.
        user_id: Whose it is, as far as known.
        issued_at: When TeleCMI issued it, a Unix time, as far as known.
        renewal: Whether another one is got without a person.
        organisation: Whose contacts it reads, where several users share them; "" for the user's own.
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
        """What the user must be told in time, where nothing renews the token; "" before that."""
        age = self.age_days(now)
        if age is None or self.renewal or age < LIFETIME_DAYS - NOTICE_DAYS:
            return ""
        left = LIFETIME_DAYS - age
        end = "about now" if left <= 0 else f"in about {left} {'day' if left == 1 else 'days'}"
        return f"The TeleCMI sign-in ends {end}: the user should run telecmi-mcp login in a terminal."


class TokenSource(Protocol):
    """Gives the token of a call, and another one when TeleCMI refuses it."""

    async def current(self) -> SecretStr:
        """Return the token to use now.

        Raises:
            SignInError: There is none.
        """
        ...

    async def held(self) -> SecretStr | None:
        """Return the token that is at hand, without asking TeleCMI; ``None`` where there is none.

        Raises:
            TelecmiError: The place where it is kept does not work.
        """
        ...

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return another token than the refused one, or ``None`` where there is no other."""
        ...

    def explain(self, refusal: errors.TokenRejected) -> errors.TokenRejected:
        """Return the refusal with the advice that fits this source."""
        ...

    @property
    def origin(self) -> TokenInfo:
        """What is known of the token in use."""
        ...
