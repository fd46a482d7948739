"""Implements the user of the simulated TeleCMI: password, tokens, and the reasons to reject them."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from telecmi_mcp.sandbox.quirks import Quirks

# All three are public and obviously fake: anyone who reaches a sandbox may sign in to it.
SANDBOX_TOKEN = "fake-sand-box0-only"
SANDBOX_USER_ID = "103_1111112"
SANDBOX_PASSWORD = "not-a-real-password"

_SECONDS_A_DAY = 86_400


@dataclass(slots=True)
class _Token:
    """State of one token."""

    issued_at: float
    fresh: bool
    uses: int = 0


class Account:
    """The user of the sandbox, who has `SANDBOX_TOKEN` from the start."""

    def __init__(self, *, clock: Callable[[], float], seed: int) -> None:
        self._clock = clock
        self._seed = seed
        self._password = SANDBOX_PASSWORD
        self._wrong_in_a_row = 0
        self._minted = 0
        self._tokens = {SANDBOX_TOKEN: _Token(issued_at=clock(), fresh=False)}

    def login(self, user_id: str, password: str, *, quirks: Quirks) -> str | None:
        """Return a new token, or None for a wrong user id, a wrong password or a locked account."""
        if user_id != SANDBOX_USER_ID or self._is_locked(quirks):
            return None
        if password != self._password:
            self._wrong_in_a_row += 1
            return None
        self._wrong_in_a_row = 0
        return self._mint()

    def accepts(self, token: str, *, quirks: Quirks) -> bool:
        """Return True if the token is valid; each call counts as one use of the token."""
        state = self._tokens.get(token)
        if state is None or self._clock() >= state.issued_at + quirks.token_days * _SECONDS_A_DAY:
            return False
        state.uses += 1
        return not _is_rejected_while_fresh(state, quirks)

    def revoke(self, token: str) -> None:
        """Revoke one token; ignore an unknown one."""
        self._tokens.pop(token, None)

    def change_password(self, password: str) -> None:
        """Set a new password and revoke every token, as TeleCMI does."""
        self._password = password
        self._tokens.clear()

    def unlock(self) -> None:
        """End a lockout."""
        self._wrong_in_a_row = 0

    def _is_locked(self, quirks: Quirks) -> bool:
        return quirks.lockout_after is not None and self._wrong_in_a_row >= quirks.lockout_after

    def _mint(self) -> str:
        self._minted += 1
        digits = blake2b(f"token:{self._seed}:{self._minted}".encode(), digest_size=8).hexdigest()
        token = "-".join(digits[start : start + 4] for start in range(0, 16, 4))
        self._tokens[token] = _Token(issued_at=self._clock(), fresh=True)
        return token


def _is_rejected_while_fresh(state: _Token, quirks: Quirks) -> bool:
    refusals = {"accepted": 0, "refused_at_first": quirks.fresh_token_refusals, "not_provisioned": state.uses}
    return state.fresh and state.uses <= refusals[quirks.fresh_token]
