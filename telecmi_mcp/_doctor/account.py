"""Checks where the token comes from, and whether TeleCMI accepts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telecmi_mcp import errors
from telecmi_mcp._api.token_source import DAY, LIFETIME_DAYS, TokenInfo
from telecmi_mcp._doctor.result import CheckResult, Verdict, advice_of

if TYPE_CHECKING:
    from telecmi_mcp._app import App

_NO_TOKEN = TokenInfo()
_UNEXPLAINED = errors.TokenRejected.fact
_YOUNG_ADVICE = (
    "Run telecmi-mcp login once more; if TeleCMI rejects that token too, ask it whether contacts are enabled for this "
    "user, and whether another program signs in as the same user."
)
_NO_REQUEST_SENT = (errors.NotSignedIn, errors.CredentialStoreUnusable, errors.ConfigurationError)


@dataclass(frozen=True, slots=True)
class Reply:
    """TeleCMI's answer to a request for one contact.

    Attributes:
        answers: Whether TeleCMI answered; ``None`` if no request was sent.
        accepts_token: Whether TeleCMI accepts the token; ``None`` if that is not known.
        contacts: Number of contacts in the organisation; ``None`` if TeleCMI did not say.
        error: Why there is no answer, or none with a contact.
    """

    answers: bool | None = None
    accepts_token: bool | None = None
    contacts: int | None = None
    error: errors.TelecmiError | None = None


async def call_telecmi(app: App) -> Reply:
    """Read one contact from TeleCMI."""
    try:
        page = await app.client.list_contacts(limit=1)
    except _NO_REQUEST_SENT as error:
        return Reply(error=error)
    except errors.SignInError as error:
        return Reply(answers=True, accepts_token=False, error=error)
    except errors.NetworkError as error:
        return Reply(answers=False, error=error)
    except errors.TelecmiError as error:
        return Reply(answers=True, error=error)
    return Reply(answers=True, accepts_token=True, contacts=page.count)


def check_sign_in(info: TokenInfo, now: float) -> CheckResult:
    """Report where the token comes from, how old it is and whether it is renewed."""
    if not info.source:
        return CheckResult("Sign-in", Verdict.UNKNOWN, "none")
    user = f", user {info.user_id}" if info.user_id else ""
    says = f"{info.source}{user}; {_age(info.age_days(now))}; {_renewal(info)}"
    if info.notice(now):
        return CheckResult("Sign-in", Verdict.DOUBTFUL, says, "Run telecmi-mcp login before the token expires.")
    return CheckResult("Sign-in", Verdict.GOOD, says)


def check_reply(reply: Reply, info: TokenInfo = _NO_TOKEN, now: float = 0.0) -> CheckResult:
    """Report whether contacts can be read.

    Args:
        reply: TeleCMI's answer.
        info: Facts about the token that was sent.
        now: The Unix time.
    """
    if type(reply.error) is errors.TokenRejected and _is_young(info, now) and reply.error.fact == _UNEXPLAINED:
        return CheckResult(
            "TeleCMI", Verdict.BAD, "TeleCMI rejected a token that is less than a day old", _YOUNG_ADVICE
        )
    if reply.error is not None:
        return CheckResult("TeleCMI", Verdict.BAD, reply.error.fact, advice_of(reply.error))
    count = "number of contacts unknown" if reply.contacts is None else f"{reply.contacts:,} contacts"
    return CheckResult("TeleCMI", Verdict.GOOD, f"accepts the token; {count}")


def _is_young(info: TokenInfo, now: float) -> bool:
    return info.issued_at is not None and 0 <= now - info.issued_at < DAY


def _age(days: int | None) -> str:
    if days is None:
        return "age unknown"
    return f"issued {days} {'day' if days == 1 else 'days'} ago, valid for about {LIFETIME_DAYS} days"


def _renewal(info: TokenInfo) -> str:
    return "renewed automatically" if info.renewal else "not renewed automatically"
