"""One user of the pretend TeleCMI: the password, its tokens, and what makes either of them fail."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from telecmi_mcp.sandbox.quirks import Quirks

# All three are public and obviously fake: whoever starts a sandbox may sign in to it.
SANDBOX_TOKEN = "fake-sand-box0-only"
SANDBOX_USER_ID = "103_1111112"
SANDBOX_PASSWORD = "not-a-real-password"

_SECONDS_A_DAY = 86_400


@dataclass(slots=True)
class _Grant:
    """What the sandbox remembers of a token."""

    issued_at: float
    fresh: bool
    uses: int = 0


class Account:
    """The sandbox's user, signed in once already with `SANDBOX_TOKEN`."""

    def __init__(self, *, clock: Callable[[], float], seed: int) -> None:
        self._clock = clock
        self._seed = seed
        self._password = SANDBOX_PASSWORD
        self._wrong_in_a_row = 0
        self._minted = 0
        self._credentials_source = {SANDBOX_TOKEN: _Grant(issued_at=clock(), fresh=False)}

    def login(self, user_id: str, password: str, *, quirks: Quirks) -> str | None:
        """A new token, or None where TeleCMI would refuse: wrong user id, wrong password, locked out."""
        if user_id != SANDBOX_USER_ID or self._is_locked(quirks):
            return None
        if password != self._password:
            self._wrong_in_a_row += 1
            return None
        self._wrong_in_a_row = 0
        return self._mint()

    def admits(self, token: str, *, quirks: Quirks) -> bool:
        """Whether a request with this token goes through; asking counts as a use of it."""
        grant = self._credentials_source.get(token)
        if grant is None or self._clock() >= grant.issued_at + quirks.token_days * _SECONDS_A_DAY:
            return False
        grant.uses += 1
        return not _is_refused_while_fresh(grant, quirks)

    def revoke(self, token: str) -> None:
        """Kill one token; an unknown one is dead already."""
        self._credentials_source.pop(token, None)

    def change_password(self, password: str) -> None:
        """Take a new password and kill every token, as TeleCMI does."""
        self._password = password
        self._credentials_source.clear()

    def unlock(self) -> None:
        """Let the user sign in again after a lockout."""
        self._wrong_in_a_row = 0

    def _is_locked(self, quirks: Quirks) -> bool:
        return quirks.lockout_after is not None and self._wrong_in_a_row >= quirks.lockout_after

    def _mint(self) -> str:
        self._minted += 1
        digits = blake2b(f"token:{self._seed}:{self._minted}".encode(), digest_size=8).hexdigest()
        token = "-".join(digits[start : start + 4] for start in range(0, 16, 4))
        self._credentials_source[token] = _Grant(issued_at=self._clock(), fresh=True)
        return token


def _is_refused_while_fresh(grant: _Grant, quirks: Quirks) -> bool:
    if not grant.fresh or quirks.fresh_token == "accepted":
        return False
    if quirks.fresh_token == "not_provisioned":
        return True
    return grant.uses <= quirks.fresh_token_refusals
