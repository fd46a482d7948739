"""Checks where the token comes from, and whether TeleCMI accepts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telecmi_mcp import errors
from telecmi_mcp._api.token_source import LIFETIME_DAYS
from telecmi_mcp._doctor.result import CheckResult, Verdict

if TYPE_CHECKING:
    from telecmi_mcp._api.token_source import TokenInfo
    from telecmi_mcp._app import App

_NOT_ASKED = (errors.NotSignedIn, errors.CredentialStoreUnusable, errors.ConfigurationError)


@dataclass(frozen=True, slots=True)
class Reply:
    """What TeleCMI said to a page of one contact.

    Attributes:
        answers: Whether it answered; ``None`` if it was not asked.
        accepts_token: Whether it takes the token; ``None`` if that is not known.
        contacts: How many contacts the organisation has, as far as it said so.
        error: Why there is no page.
    """

    answers: bool | None = None
    accepts_token: bool | None = None
    contacts: int | None = None
    error: errors.TelecmiError | None = None


async def ask_telecmi(app: App) -> Reply:
    """Ask for one contact."""
    try:
        page = await app.client.list_contacts(limit=1)
    except _NOT_ASKED as error:
        return Reply(error=error)
    except errors.SignInError as error:
        return Reply(answers=True, accepts_token=False, error=error)
    except errors.NetworkError as error:
        return Reply(answers=False, error=error)
    except errors.TelecmiError as error:
        return Reply(answers=True, error=error)
    return Reply(answers=True, accepts_token=True, contacts=page.count)


def judge_sign_in(origin: TokenInfo, now: float) -> CheckResult:
    """Say where the token comes from, how old it is and whether it is renewed."""
    if not origin.source:
        return CheckResult("Sign-in", Verdict.UNKNOWN, "none")
    user = f", user {origin.user_id}" if origin.user_id else ""
    says = f"{origin.source}{user}; {_age(origin.age_days(now))}; {_renewal(origin)}"
    if origin.notice(now):
        return CheckResult("Sign-in", Verdict.DOUBTFUL, says, "Run telecmi-mcp login before the token ends.")
    return CheckResult("Sign-in", Verdict.GOOD, says)


def judge_reply(reply: Reply) -> CheckResult:
    """Say whether contacts can be read."""
    if reply.error is not None:
        return CheckResult("TeleCMI", Verdict.BAD, reply.error.fact, f"{_to_the_reader(reply.error.hint)}.")
    count = "the number of contacts is not known" if reply.contacts is None else f"{reply.contacts:,} contacts"
    return CheckResult("TeleCMI", Verdict.GOOD, f"it takes the token; {count}")


def _to_the_reader(hint: str) -> str:
    """Who reads this is the user that the sentences for models speak of."""
    rest = hint.removeprefix("The user must ")
    return rest[:1].upper() + rest[1:]


def _age(days: int | None) -> str:
    if days is None:
        return "age not known"
    return f"issued {days} {'day' if days == 1 else 'days'} ago of about {LIFETIME_DAYS}"


def _renewal(origin: TokenInfo) -> str:
    return "renewed by itself" if origin.renewal else "a person has to renew it"
