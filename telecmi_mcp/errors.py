"""Every error of telecmi-mcp, as one tree.

    TelecmiError
    ├── ConfigurationError        a setting that cannot be used
    ├── InvalidArguments          arguments that break a tool's schema; nothing was sent
    ├── ResourceNotFound          a URI that is none of ours; nothing was sent
    ├── SignInError
    │   ├── NotSignedIn           no token is configured
    │   ├── CallerNotSignedIn     a team's server keeps no sign-in for who calls
    │   ├── TokenRefused          TeleCMI does not accept the token
    │   └── PasswordRefused       TeleCMI does not accept the user id or the password
    ├── StoreUnusable             the place where a sign-in is kept does not work
    ├── ContactNotFound           TeleCMI has no such contact
    ├── RequestRefused            TeleCMI calls the request invalid
    ├── CursorRefused             TeleCMI does not take the cursor
    ├── TooManyCalls              this server's own limits
    │   └── TooManyAtOnce         calls of one caller that are under way
    ├── IndexUnusable             the local index of contacts, a file that can be made anew
    ├── DatabaseUnavailable       the database of a team's server cannot be reached
    ├── WriterLockLost            another replica writes the index of a team's server
    ├── DatabaseUnusable          the database of a team's server refuses a statement
    ├── AccessKeyUnchanged        an access key was not made, or not revoked
    ├── IssuerUnavailable         the keys of an identity provider cannot be read
    ├── ClientConfigError         the configuration of an MCP client was left as it is
    ├── FileUnusable              the file that an export writes
    ├── RateLimited               TeleCMI's limits
    ├── NetworkError
    │   ├── Unreachable           no connection
    │   │   └── NameNotResolved   no address for the host
    │   ├── Interrupted           the connection ended before the answer did
    │   ├── DeadlineExceeded      no whole answer in time
    │   │   └── Unresponsive      silence; tried again while there is time
    │   ├── InsecureConnection    TLS could not be verified
    │   └── ProxyOrCertificate    a proxy or certificate setting that does not work
    └── ServiceError
        ├── Unavailable           502, 503, 504
        ├── ServiceFailed         500 and its kin
        ├── AnswerTooLarge        more bytes than any real answer has
        ├── NotHttp               something else than HTTP answered
        ├── NotData               a web page, or nothing, where data was asked for
        ├── UnreadableAnswer      data that does not follow TeleCMI's documents
        │   └── CorruptAnswer     a body that cannot be decompressed
        └── UnexpectedRedirect    TeleCMI never redirects; nothing was sent on

``str(error)`` is one sentence of ours of at most 200 characters, advice first: safe for a model,
useful to a person. What the other side said is in ``detail``, which only logs read.
"""

from __future__ import annotations

import errno
import math
from typing import ClassVar

_MINUTE = 60
_HOUR = 3600
_FILE_FACTS = {
    errno.EACCES: "its folder cannot be written to",
    errno.EDQUOT: "the disk is full",
    errno.ENOENT: "its folder is not there",
    errno.ENOSPC: "the disk is full",
    errno.ENOTDIR: "its folder is not there",
    errno.EPERM: "its folder cannot be written to",
    errno.EROFS: "its folder cannot be written to",
}


class TelecmiError(Exception):
    """The root: catch this to catch everything that this package raises on purpose.

    Attributes:
        code: A stable word for programs, such as ``rate_limited``.
        retryable: Whether the same call may succeed later without anybody changing anything.
        hint: What to do, without the closing stop.
        retries: How often the client itself repeats a read that met this error.
        again_hint: What to look at instead, when the call before failed in the same way; "" for the same hint.
        detail: What the other side said, for logs only; never shown to a model.
    """

    code: ClassVar[str] = "error"
    again_hint: ClassVar[str] = ""
    retryable: ClassVar[bool] = False
    retries: ClassVar[int] = 0
    hint: str = "Try again later"
    fact: str = "something went wrong"

    def __init__(self, *, hint: str | None = None, fact: str | None = None, detail: str = "") -> None:
        self.hint = hint or type(self).hint
        self.fact = fact or type(self).fact
        self.detail = detail
        super().__init__(f"{self.hint}: {self.fact}.")

    def met_again(self) -> None:
        """Advise what to look at: waiting did not help."""
        if self.again_hint:
            self.hint = self.again_hint
            self.args = (f"{self.hint}: {self.fact}.",)


class ConfigurationError(TelecmiError):
    """A setting cannot be used; the sentence names the variable and never its value."""

    code = "configuration"
    hint = "Correct the server's settings"
    fact = "a setting cannot be used"


class InvalidArguments(TelecmiError):
    """Arguments do not fit a tool, a prompt or a completion; the sentence names the parameter and what it takes."""

    code = "invalid_arguments"
    hint = "Correct the arguments"
    fact = "they do not fit the tool"


class ResourceNotFound(TelecmiError):
    """A URI is none of a resource."""

    code = "resource_not_found"
    hint = "Check the URI"
    fact = "resources/list and resources/templates/list name those that can be read"


class SignInError(TelecmiError):
    """TeleCMI cannot be used until somebody signs in."""

    code = "sign_in"
    hint = "The user must sign in to TeleCMI"
    fact = "there is no usable token"


class NotSignedIn(SignInError):
    """No token is configured."""

    code = "not_signed_in"
    hint = "The user must run telecmi-mcp login in a terminal, or set TELECMI_TOKEN and restart this server"
    fact = "nobody is signed in to TeleCMI"


class CallerNotSignedIn(SignInError):
    """A team's server keeps no TeleCMI sign-in for the caller, so only whoever runs it can help."""

    code = "caller_not_signed_in"
    hint = "Ask whoever runs this server to run telecmi-mcp team sign-in for you, then try again"
    fact = "it keeps no TeleCMI sign-in of yours"


class TokenRefused(SignInError):
    """TeleCMI answered 401, 403, 404 or 407: expired, replaced, or contacts are not enabled for the user.

    Attributes:
        status: TeleCMI's verdict. A 404 may also mean that something else was not found.
    """

    code = "token_refused"
    hint = "The user must put a new TeleCMI token into TELECMI_TOKEN and restart this server"
    fact = "TeleCMI did not accept the token: it expired, or contacts are not enabled for this user"

    def __init__(self, status: int, *, hint: str | None = None, fact: str | None = None, detail: str = "") -> None:
        self.status = status
        super().__init__(hint=hint, fact=fact, detail=detail)


class PasswordRefused(SignInError):
    """TeleCMI refused a login. The same password is not sent again by itself, because accounts lock."""

    code = "password_refused"
    hint = "The user must check the TeleCMI user id and password"
    fact = "TeleCMI refused them, and they are not sent again by themselves"


class StoreUnusable(TelecmiError):
    """The keyring or file where a sign-in is kept cannot be read or written."""

    code = "store_unusable"
    hint = "The user must unlock the OS keyring, or run telecmi-mcp login --store file in a terminal"
    fact = "the OS keyring does not work here"


class ContactNotFound(TelecmiError):
    """TeleCMI has no contact with the id."""

    code = "not_found"
    hint = "Check the id, or look the contact up with search_contacts"

    def __init__(self, contact_id: str, *, detail: str = "") -> None:
        self.contact_id = contact_id
        super().__init__(fact=f"TeleCMI has no contact with the id {contact_id}", detail=detail)


class RequestRefused(TelecmiError):
    """TeleCMI answered 400 or another 4xx.

    Attributes:
        status: TeleCMI's verdict.
    """

    code = "refused"
    hint = "Check the arguments"

    def __init__(self, status: int = 400, *, hint: str | None = None, detail: str = "") -> None:
        self.status = status
        fact = f"TeleCMI refused the request as invalid (code {status})"
        super().__init__(hint=hint, fact=fact, detail=detail)


class CursorRefused(TelecmiError):
    """TeleCMI does not take the cursor: it is stale, foreign, or belongs to another limit."""

    code = "cursor_refused"
    hint = "Start again without page_state, and keep limit the same from page to page"
    fact = "TeleCMI did not take this page_state"


class TooManyCalls(TelecmiError):
    """More calls than this server lets through.

    Attributes:
        retry_after: Seconds until a call passes again.
    """

    code = "too_many_calls"
    retryable = True

    def __init__(self, retry_after: float, *, hint: str | None = None, fact: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(
            hint=hint or f"Wait {_seconds(retry_after)}, then go on more slowly",
            fact=fact or "more calls in a minute than this server lets through",
        )


class TooManyAtOnce(TooManyCalls):
    """More calls of one caller are under way than this server lets through at once."""

    code = "too_many_at_once"

    def __init__(self) -> None:
        super().__init__(
            1.0,
            hint="Wait for the answers to other calls, then try again",
            fact="more calls at once than this server lets through",
        )


class IndexUnusable(TelecmiError):
    """The local index of contacts cannot be opened, read or written.

    Attributes:
        malformed: Whether a new one has to be made; it is only a cache.
        reason: Why it cannot be on disk, in our words: "the disk is full"; "" where that is not the trouble.
    """

    code = "index_unusable"
    hint = "The user must make the cache folder writable, or set TELECMI_INDEX to memory, and restart this server"
    fact = "the local index of contacts cannot be used"

    def __init__(self, detail: str, *, malformed: bool, reason: str = "") -> None:
        self.malformed = malformed
        self.reason = reason
        super().__init__(fact=f"the index on disk cannot be used: {reason}" if reason else None, detail=detail)


class DatabaseUnavailable(TelecmiError):
    """The database of a team's server cannot be reached; it is tried again with every call."""

    code = "database_away"
    retryable = True
    hint = "Use list_contacts and get_contact, which work, or try again in a minute"
    fact = "search is unavailable because the server's database is"


class WriterLockLost(TelecmiError):
    """Another replica of a team's server renews the mirror from now on; what this one was about to write was not."""

    code = "mirror_taken"
    retryable = True
    hint = "Try again"
    fact = "another replica of this server has taken over the renewal of the contacts"


class DatabaseUnusable(TelecmiError):
    """The database of a team's server refuses a statement: no right to it, another schema, a full disk."""

    code = "database_unusable"
    hint = "Whoever runs this server must look at its log and its database"
    fact = "the database refused what the server asked of it"


class AccessKeyUnchanged(TelecmiError):
    """An access key was not made or not revoked; the sentence never shows one."""

    code = "access_key_unchanged"
    hint = "Look at telecmi-mcp team key list"
    fact = "nothing was changed"


class IssuerUnavailable(TelecmiError):
    """The public keys of the identity provider cannot be read, so that nobody can tell whether a token is good."""

    code = "issuer_away"
    retryable = True
    hint = "Try again in a minute"
    fact = "the identity provider's keys cannot be read"


class ClientConfigError(TelecmiError):
    """The configuration of an MCP host was left as it is; ``detail`` is what the host's own command said."""

    code = "host_unchanged"
    hint = "Change the file by hand"
    fact = "it cannot be changed safely"


class FileUnusable(TelecmiError):
    """The file of an export, or what is kept beside it, cannot be written.

    Attributes:
        errno: What the operating system said; ``None`` if it was not asked.
    """

    code = "file_unusable"
    hint = "Choose another place for the file"
    fact = "it cannot be written there"

    def __init__(self, errno: int | None, *, hint: str | None = None, fact: str | None = None) -> None:
        self.errno = errno
        super().__init__(hint=hint, fact=fact or _FILE_FACTS.get(errno or 0))


class RateLimited(TelecmiError):
    """TeleCMI asks to slow down: 408 or 429.

    Attributes:
        retry_after: Seconds to wait, as far as TeleCMI said so.
    """

    code = "rate_limited"
    retryable = True
    retries = 2

    def __init__(self, retry_after: float | None = None, *, detail: str = "") -> None:
        self.retry_after = retry_after
        hint = f"Try again in {_seconds(retry_after)}"
        super().__init__(hint=hint, fact="TeleCMI's rate limit is reached", detail=detail)


class NetworkError(TelecmiError):
    """No answer came back."""

    code = "network"
    retryable = True
    hint = "Check the network and try again"
    fact = "TeleCMI did not answer"


class Unreachable(NetworkError):
    """The connection was refused or could not be opened."""

    code = "unreachable"
    retries = 2
    hint = "Check the network and TELECMI_BASE_URL"
    fact = "TeleCMI could not be reached"


class NameNotResolved(Unreachable):
    """No address was found for the host of the base URL."""

    retries = 1
    fact = "TeleCMI could not be reached, because its name was not found"


class Interrupted(NetworkError):
    """The connection ended before the answer did.

    Attributes:
        is_stale: It was a kept connection, and ended before the first byte of the answer.
    """

    code = "interrupted"
    retries = 2
    hint = "Try again"
    fact = "the connection to TeleCMI was interrupted"

    def __init__(self, *, is_stale: bool = False, detail: str = "") -> None:
        self.is_stale = is_stale
        super().__init__(detail=detail)


class DeadlineExceeded(NetworkError):
    """No whole answer came within the time of one call."""

    code = "deadline_exceeded"
    again_hint = "Check the network, TELECMI_BASE_URL and the proxy settings, and ask TeleCMI about an outage"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(hint="Try again later", fact=f"TeleCMI did not answer within {seconds:g} s")


class Unresponsive(DeadlineExceeded):
    """One attempt met silence; the call may have time for another."""

    retries = 2


class InsecureConnection(NetworkError):
    """TLS could not be verified; there is no switch that turns this off."""

    code = "insecure_connection"
    retryable = False
    hint = "Check the computer's clock, the network and TELECMI_BASE_URL"
    fact = "the secure connection to TeleCMI could not be verified"


class ProxyOrCertificate(NetworkError):
    """A proxy or certificate setting of the environment does not work; the sentence names the variables."""

    code = "proxy_or_certificate"
    retryable = False
    hint = "Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
    fact = "a proxy or certificate setting does not work"


class ServiceError(TelecmiError):
    """TeleCMI, or something in its place, answered with something unusable."""

    code = "service"


class Unavailable(ServiceError):
    """TeleCMI answered 502, 503 or 504.

    Attributes:
        retry_after: Seconds to wait, as far as TeleCMI said so.
    """

    code = "unavailable"
    retryable = True
    retries = 2

    def __init__(self, retry_after: float | None = None, *, detail: str = "") -> None:
        self.retry_after = retry_after
        hint = f"Try again in {_seconds(retry_after)}"
        super().__init__(hint=hint, fact="TeleCMI is temporarily unavailable", detail=detail)


class ServiceFailed(ServiceError):
    """TeleCMI answered 500 or another 5xx."""

    code = "service_failed"
    again_hint = "Check TELECMI_BASE_URL and the proxy settings, and ask TeleCMI about an outage"
    retryable = True
    retries = 1
    fact = "TeleCMI failed to answer this request"


class AnswerTooLarge(ServiceError):
    """The answer has more bytes than any real one, before or after decompression."""

    code = "answer_too_large"
    hint = "Check TELECMI_BASE_URL, or ask for fewer contacts"
    fact = "the answer was too large to be TeleCMI's"


class NotHttp(ServiceError):
    """What answered does not speak HTTP."""

    code = "not_http"
    hint = "Check TELECMI_BASE_URL and the proxy settings"
    fact = "what answered there does not speak HTTP"


class NotData(ServiceError):
    """A web page, or nothing, where data was asked for."""

    code = "not_data"
    hint = "Check the network for a login page or proxy, and TELECMI_BASE_URL"
    fact = "a web page came back instead of TeleCMI's data"


class UnreadableAnswer(ServiceError):
    """The answer does not follow TeleCMI's documents in any form that is known."""

    code = "unreadable_answer"
    again_hint = "Check TELECMI_BASE_URL and the proxy settings, and ask TeleCMI about an outage"
    fact = "TeleCMI's answer could not be read"


class CorruptAnswer(UnreadableAnswer):
    """The body could not be decompressed; transport damage is worth one more try."""

    retryable = True
    retries = 1


class UnexpectedRedirect(ServiceError):
    """An HTTP redirect, which is never followed: the token is in the body."""

    code = "unexpected_redirect"
    hint = "Check TELECMI_BASE_URL"
    fact = "an unexpected redirect came back; nothing was sent to the new place"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "a minute"
    if seconds > 2 * _HOUR:
        return "some hours"
    whole = math.ceil(seconds) or 1
    return f"{whole} s" if whole <= 10 * _MINUTE else f"{math.ceil(whole / _MINUTE)} minutes"
