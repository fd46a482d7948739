"""The error tree: every sentence is short and complete."""

from __future__ import annotations

import re

import pytest

from telecmi_mcp import errors

MADE: list[errors.TelecmiError] = [
    errors.ConfigurationError(),
    errors.InvalidArguments(),
    errors.MaskedField("phone_no"),
    errors.MaskedField("email_id"),
    errors.ResourceNotFound(),
    errors.NotSignedIn(),
    errors.CallerNotSignedIn(),
    errors.TokenRejected(404),
    errors.PasswordRejected(),
    errors.CredentialStoreUnusable(),
    errors.ContactNotFound("d3b07384-d113-4ec5-a5ae-be81d6e3c239"),
    errors.RequestRejected(),
    errors.InvalidCursor(),
    errors.CallLimitReached(59.2),
    errors.ConcurrencyLimitReached(),
    errors.RateLimited(None),
    errors.Unreachable(),
    errors.NameNotResolved(),
    errors.ConnectionInterrupted(),
    errors.DeadlineExceeded(30.0),
    errors.Unresponsive(15.0),
    errors.InsecureConnection(),
    errors.ProxyOrCertificate(),
    errors.Unavailable(1e9),
    errors.ServiceFailed(),
    errors.ResponseTooLarge(),
    errors.NotHttp(),
    errors.UnexpectedContent(),
    errors.MalformedResponse(),
    errors.CorruptResponse(),
    errors.UnexpectedRedirect(),
    errors.IndexUnusable("disk I/O error", malformed=False),
    errors.LookupUnfinished(),
    errors.SyncFailed("TypeError"),
    errors.DatabaseUnavailable(),
    errors.StatementRejected(),
    errors.WriterLockLost(),
    errors.SchemaOutdated(),
    errors.AccessKeyError(),
    errors.ToolNotAllowed(),
    errors.IssuerUnavailable(),
    errors.ClientConfigError(),
    errors.FileUnusable(None),
    errors.ContactsIncomplete(),
    errors.ExportLimitReached(),
    errors.TeamServerUnreachable(),
    errors.TeamServerInterrupted(),
    errors.TeamServerUnresponsive(50.0),
    errors.TeamServerInsecure(),
    errors.AccessKeyMissing(f"telecmi-mcp connect https://{'m' * 52} --login"),
    errors.AccessKeyRejected(f"telecmi-mcp connect https://{'m' * 52} --login"),
    errors.AccessDenied(),
    errors.TeamServerBusy(1e9),
    errors.TeamServerUnavailable(601),
    errors.TeamServerFailed(),
    errors.NotTeamServer(),
    errors.TeamAnswerUnusable(),
]


def classes(root: type[errors.TelecmiError] = errors.TelecmiError) -> set[type[errors.TelecmiError]]:
    return {root}.union(*(classes(child) for child in root.__subclasses__()))


def test_the_docstring_shows_the_whole_tree() -> None:
    drawn = set(re.findall(r"\b([A-Z][A-Za-z]+)\b(?=  |$)", errors.__doc__ or "", re.MULTILINE))
    assert {cls.__name__ for cls in classes()} <= drawn


def test_every_error_class_is_in_this_list() -> None:
    abstract = {errors.TelecmiError, errors.SignInError, errors.NetworkError, errors.ServiceError}
    abstract |= {errors.TeamServerError}
    assert {type(error) for error in MADE} == classes() - abstract


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_a_sentence_is_short_and_begins_with_the_advice(error: errors.TelecmiError) -> None:
    sentence = str(error)
    assert sentence == f"{error.hint}: {error.fact}."
    assert sentence[0].isupper()
    assert len(sentence) <= 200
    assert sentence.isprintable()


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_an_error_has_attributes_for_programs(error: errors.TelecmiError) -> None:
    assert re.fullmatch(r"[a-z_]+", error.code)
    assert isinstance(error.retryable, bool)
    assert error.retries == 0 or error.retryable


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "a minute"),
        (0, "1 s"),
        (0.2, "1 s"),
        (59.2, "60 s"),
        (600, "600 s"),
        (601, "11 minutes"),
        (1e9, "some hours"),
    ],
)
def test_a_wait_is_rounded_to_a_readable_unit(seconds: float | None, words: str) -> None:
    assert f"in {words}:" in str(errors.RateLimited(seconds))


def test_the_detail_is_for_logs_only() -> None:
    error = errors.ServiceFailed(detail="<script>")
    assert error.detail == "<script>"
    assert "script" not in str(error)
    assert "script" not in repr(error)
