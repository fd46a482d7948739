"""Every error of telecmi-mcp, as one tree.

    TelecmiError
    ├── ConfigurationError            a setting has an invalid value
    ├── InvalidArguments              arguments that break a tool's schema; nothing was sent
    │   └── MaskedField               a field that is masked for this reader
    ├── ResourceNotFound              a URI of no resource; nothing was sent
    ├── SignInError
    │   ├── NotSignedIn               no token is configured
    │   ├── CallerNotSignedIn         a team server has no TeleCMI sign-in of the caller
    │   ├── TokenRejected             TeleCMI rejects the token
    │   └── PasswordRejected          TeleCMI rejects the user id or the password
    ├── CredentialStoreUnusable       the keyring or the file of the credentials fails
    ├── ContactNotFound               TeleCMI has no such contact
    ├── RequestRejected               TeleCMI rejects the request as invalid
    ├── InvalidCursor                 TeleCMI rejects the cursor
    ├── CallLimitReached              the rate limit of this server
    │   └── ConcurrencyLimitReached   the concurrency limit of this server
    ├── IndexUnusable                 the local index of contacts cannot be opened, read or written
    ├── DatabaseUnavailable           the database of a team server cannot be reached
    ├── LookupUnfinished              the queries of one call take longer than its time
    ├── SyncFailed                    a defect keeps the contacts from being read into the index
    ├── WriterLockLost                another replica now writes the index of a team server
    ├── StatementRejected             the database of a team server rejects a statement
    ├── SchemaOutdated                the database of a team server has the schema of an older version
    ├── AccessKeyError                an access key was not created, not rotated or not revoked
    ├── ToolNotAllowed                the caller's access key does not allow a tool
    ├── IssuerUnavailable             the keys of an identity provider cannot be read
    ├── ClientConfigError             the configuration of an MCP client was not changed
    ├── FileUnusable                  the file of an export cannot be written
    ├── ContactsIncomplete            the answer needs every contact, and some are not read yet
    ├── ExportLimitReached            the limit of exports at a time or a day
    ├── RateLimited                   the rate limit of TeleCMI
    ├── NetworkError
    │   ├── Unreachable               no connection
    │   │   └── NameNotResolved       no address for the host
    │   ├── ConnectionInterrupted     the connection ended before the response was complete
    │   ├── DeadlineExceeded          no complete response in time
    │   │   └── Unresponsive          no byte of a response; the request is repeated if time is left
    │   ├── InsecureConnection        TLS could not be verified
    │   └── ProxyOrCertificate        a proxy or certificate setting does not work
    ├── TeamServerError               a team server did not answer a request of ``telecmi-mcp connect``
    │   ├── TeamServerUnreachable     no connection
    │   ├── TeamServerInterrupted     the connection ended before the answer was complete
    │   ├── TeamServerUnresponsive    no complete answer in time
    │   ├── TeamServerInsecure        TLS could not be verified
    │   ├── AccessKeyMissing          the server requires an access key, and none is stored
    │   ├── AccessKeyRejected         the server rejects the access key
    │   ├── AccessDenied              the server rejects the caller or the address that it uses
    │   ├── TeamServerBusy            the server has too many requests
    │   ├── TeamServerUnavailable     502, 503, 504
    │   ├── TeamServerFailed          500 and any other 5xx
    │   ├── NotTeamServer             the response is not MCP: a redirect, a web page
    │   └── TeamAnswerUnusable        the answer is too large, or is not an answer to the request
    └── ServiceError
        ├── Unavailable               502, 503, 504
        ├── ServiceFailed             500 and any other 5xx
        ├── ResponseTooLarge          more bytes than the size limit
        ├── NotHttp                   the response is not HTTP
        ├── UnexpectedContent         the response is a web page or empty
        ├── MalformedResponse         the response does not follow TeleCMI's documents
        │   └── CorruptResponse       the body cannot be decompressed
        └── UnexpectedRedirect        TeleCMI never redirects; a redirect is not followed

``str(error)`` is one sentence of this package of at most 200 characters, with the advice first. It holds no text of
TeleCMI, no argument value and no secret. The text that the other side sent is in ``detail``, which only logs read.
"""

from __future__ import annotations

import errno
import math
from typing import ClassVar

_MINUTE = 60
_HOUR = 3600
_FILE_FACTS = {
    errno.EACCES: "its folder is not writable",
    errno.EDQUOT: "the disk is full",
    errno.ENOENT: "its folder does not exist",
    errno.ENOSPC: "the disk is full",
    errno.ENOTDIR: "its folder does not exist",
    errno.EPERM: "its folder is not writable",
    errno.EROFS: "its folder is not writable",
}


class TelecmiError(Exception):
    """Root of the tree: the base class of every error that this package raises on purpose.

    Attributes:
        code: Stable word for programs, such as ``rate_limited``.
        retryable: True if the same call may succeed later without any change.
        hint: What to do, without a full stop.
        fact: What is wrong, without a full stop.
        retries: How often the client repeats a read that failed with this error.
        again_hint: Replaces ``hint`` when the previous call failed with the same error; "" keeps the hint.
        detail: Text of the other side, for logs only; never shown to a model.
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
        """Replace the hint with ``again_hint``: the previous call failed with the same error."""
        if self.again_hint:
            self.hint = self.again_hint
            self.args = (f"{self.hint}: {self.fact}.",)


class ConfigurationError(TelecmiError):
    """A setting has an invalid value; the sentence names the variable and never its value."""

    code = "configuration"
    hint = "Correct the server's settings"
    fact = "a setting is invalid"


class InvalidArguments(TelecmiError):
    """Arguments of a tool, a prompt or a completion are invalid; the sentence names the parameter and its values."""

    code = "invalid_arguments"
    hint = "Correct the arguments"
    fact = "they do not match the tool's schema"


class MaskedField(InvalidArguments):
    """A search, a filter or a group needs a field that is masked for this reader; nothing was sent."""

    code = "masked_field"
    hint = "Ask by name, company or job title instead"

    def __init__(self, field: str) -> None:
        what = "phone numbers are" if field == "phone_no" else "e-mail addresses are"
        super().__init__(fact=f"{what} masked here, so nobody is found or grouped by one")


class ResourceNotFound(TelecmiError):
    """No resource has this URI."""

    code = "resource_not_found"
    hint = "Check the URI"
    fact = "it must match one of resources/list or resources/templates/list"


class SignInError(TelecmiError):
    """No usable token exists until the user signs in."""

    code = "sign_in"
    hint = "The user must sign in to TeleCMI"
    fact = "there is no usable token"


class NotSignedIn(SignInError):
    """No token is configured."""

    code = "not_signed_in"
    hint = "The user must run telecmi-mcp login in a terminal, or set TELECMI_TOKEN and restart this server"
    fact = "no user is signed in to TeleCMI"


class CallerNotSignedIn(SignInError):
    """The team server has no TeleCMI sign-in of the caller; its administrator must add them."""

    code = "caller_not_signed_in"
    hint = "Ask the administrator of this server to run telecmi-mcp team sign-in for you, then try again"
    fact = "this server has no sign-in of yours to TeleCMI"


class TokenRejected(SignInError):
    """TeleCMI answered 401, 403, 404 or 407: expired, replaced, or contacts are not enabled for the user.

    Attributes:
        status: Status code of TeleCMI. 404 may also mean that a resource was not found.
    """

    code = "token_refused"
    hint = "The user must put a new TeleCMI token into TELECMI_TOKEN and restart this server"
    fact = "TeleCMI rejected the token, because it expired or contacts are not enabled for this user"

    def __init__(self, status: int, *, hint: str | None = None, fact: str | None = None, detail: str = "") -> None:
        self.status = status
        super().__init__(hint=hint, fact=fact, detail=detail)


class PasswordRejected(SignInError):
    """TeleCMI rejected a login. The client does not send the same password again, because the account may be locked."""

    code = "password_refused"
    hint = "The user must check the TeleCMI user id and password"
    fact = "TeleCMI rejected them, and they are not sent again automatically"


class CredentialStoreUnusable(TelecmiError):
    """The keyring or the file of the credentials cannot be read or written."""

    code = "store_unusable"
    hint = "The user must unlock the OS keyring, or run telecmi-mcp login --store file in a terminal"
    fact = "the OS keyring is not usable"


class ContactNotFound(TelecmiError):
    """TeleCMI has no contact with this id."""

    code = "not_found"
    hint = "Check the id, or look the contact up with search_contacts"

    def __init__(self, contact_id: str, *, detail: str = "") -> None:
        self.contact_id = contact_id
        super().__init__(fact=f"TeleCMI has no contact with the id {contact_id}", detail=detail)


class RequestRejected(TelecmiError):
    """TeleCMI answered 400 or another 4xx.

    Attributes:
        status: Status code of TeleCMI.
    """

    code = "refused"
    hint = "Check the arguments"

    def __init__(self, status: int = 400, *, hint: str | None = None, detail: str = "") -> None:
        self.status = status
        fact = f"TeleCMI rejected the request as invalid (code {status})"
        super().__init__(hint=hint, fact=fact, detail=detail)


class InvalidCursor(TelecmiError):
    """TeleCMI rejects the cursor: it expired, belongs to another account or to another limit."""

    code = "cursor_refused"
    hint = "Call again without page_state, and use the same limit for every page"
    fact = "page_state is invalid or expired"


class CallLimitReached(TelecmiError):
    """The rate limit of this server is reached.

    Attributes:
        retry_after: Seconds until the next call is allowed.
    """

    code = "too_many_calls"
    retryable = True

    def __init__(self, retry_after: float, *, hint: str | None = None, fact: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(
            hint=hint or f"Wait {_format_seconds(retry_after)}, then call less often",
            fact=fact or "this server's limit of calls per minute is reached",
        )


class ConcurrencyLimitReached(CallLimitReached):
    """The concurrency limit of this server for one caller is reached."""

    code = "too_many_at_once"

    def __init__(self) -> None:
        super().__init__(
            1.0,
            hint="Wait for the answers to other calls, then try again",
            fact="this server's limit of concurrent calls is reached",
        )


class IndexUnusable(TelecmiError):
    """The local index of contacts cannot be opened, read or written.

    Attributes:
        malformed: True if the file must be replaced; it is only a cache.
        reason: Why the file system rejects the file, such as "the disk is full"; "" for any other cause.
    """

    code = "index_unusable"
    hint = "The user must make the cache folder writable, or set TELECMI_INDEX to memory, and restart this server"
    fact = "the local index of contacts cannot be used"

    def __init__(self, detail: str, *, malformed: bool, reason: str = "") -> None:
        self.malformed = malformed
        self.reason = reason
        super().__init__(fact=f"the index on disk cannot be used: {reason}" if reason else None, detail=detail)


class SyncFailed(TelecmiError):
    """The contacts cannot be read into the index because of a defect in this server."""

    code = "sync_failed"
    hint = "Use list_contacts and get_contact, which work, and report this to the maintainers of telecmi-mcp"
    fact = "the contacts cannot be searched because of a defect in the server"

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)


class LookupUnfinished(TelecmiError):
    """The queries of a lookup take longer than the time of the call; none of them is answered."""

    code = "lookup_unfinished"
    hint = "Pass fewer or shorter queries"
    fact = "there was no time to look all of them up"


class DatabaseUnavailable(TelecmiError):
    """The database of the team server cannot be reached; every call tries it again."""

    code = "database_away"
    retryable = True
    hint = "Use list_contacts and get_contact, which work, or try again in a minute"
    fact = "search is unavailable because the server's database is unreachable"


class WriterLockLost(TelecmiError):
    """Another replica of the team server now writes the index; this replica did not write."""

    code = "mirror_taken"
    retryable = True
    hint = "Try again"
    fact = "another replica of this server took over the synchronisation of the contacts"


class StatementRejected(TelecmiError):
    """The database of the team server rejects a statement: missing privilege, wrong schema, full disk."""

    code = "database_unusable"
    hint = "The administrator of this server must check its log and its database"
    fact = "the database rejected a statement of the server"


class SchemaOutdated(TelecmiError):
    """The database of the team server has the schema of an older version; a command that only reads leaves it so."""

    code = "schema_outdated"
    hint = "Run telecmi-mcp team migrate, or start a server of this version"
    fact = "the database has the schema of an older version"


class AccessKeyError(TelecmiError):
    """An access key was not created, not rotated or not revoked; the sentence never shows a key."""

    code = "access_key_unchanged"
    hint = "Check telecmi-mcp team key list"
    fact = "no access key was changed"


class ToolNotAllowed(TelecmiError):
    """The caller's access key does not allow a tool, or the resources and completions that go with it."""

    code = "tool_not_allowed"
    hint = "Use a tool of tools/list, or ask the administrator of this server for another key"
    fact = "this key does not allow this call"


class IssuerUnavailable(TelecmiError):
    """The public keys of the identity provider cannot be read, so tokens cannot be verified."""

    code = "issuer_away"
    retryable = True
    hint = "Try again in a minute"
    fact = "the identity provider's keys cannot be read"


class ClientConfigError(TelecmiError):
    """The configuration of an MCP client was not changed; ``detail`` is the output of the client's own command."""

    code = "host_unchanged"
    hint = "Change the file by hand"
    fact = "it cannot be changed safely"


class FileUnusable(TelecmiError):
    """The file of an export, or the partial file beside it, cannot be written.

    Attributes:
        errno: Error number of the operating system; ``None`` if the system call was not made.
    """

    code = "file_unusable"
    hint = "Choose another place for the file"
    fact = "it cannot be written there"

    def __init__(self, errno: int | None, *, hint: str | None = None, fact: str | None = None) -> None:
        self.errno = errno
        super().__init__(hint=hint, fact=fact or _FILE_FACTS.get(errno or 0))


class ContactsIncomplete(TelecmiError):
    """The answer needs every contact, and some are not read, or there was no time for all. An export wrote no file."""

    code = "contacts_incomplete"
    retryable = True
    hint = "Try again in a minute"
    fact = "not all contacts are read yet, so no file was written"


class ExportLimitReached(TelecmiError):
    """The tool may not write another file now."""

    code = "too_many_exports"
    retryable = True
    hint = "Try again tomorrow, or ask the user to run telecmi-mcp export in a terminal"
    fact = "the limit of 10 exported files in 24 hours is reached"


class RateLimited(TelecmiError):
    """TeleCMI answered 408 or 429: its rate limit is reached.

    Attributes:
        retry_after: Seconds to wait; ``None`` if TeleCMI did not say.
    """

    code = "rate_limited"
    retryable = True
    retries = 2

    def __init__(self, retry_after: float | None = None, *, detail: str = "") -> None:
        self.retry_after = retry_after
        hint = f"Try again in {_format_seconds(retry_after)}"
        super().__init__(hint=hint, fact="TeleCMI's rate limit is reached", detail=detail)


class NetworkError(TelecmiError):
    """TeleCMI did not respond."""

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
    fact = "TeleCMI could not be reached, because its host name was not found"


class ConnectionInterrupted(NetworkError):
    """The connection ended before the response was complete.

    Attributes:
        is_stale: True if a kept-alive connection ended before the first byte of the response.
    """

    code = "interrupted"
    retries = 2
    hint = "Try again"
    fact = "the connection to TeleCMI was interrupted"

    def __init__(self, *, is_stale: bool = False, detail: str = "") -> None:
        self.is_stale = is_stale
        super().__init__(detail=detail)


class DeadlineExceeded(NetworkError):
    """No complete response came within the deadline of one call."""

    code = "deadline_exceeded"
    again_hint = "Check the network, TELECMI_BASE_URL and the proxy settings, and ask TeleCMI about an outage"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(hint="Try again later", fact=f"TeleCMI did not answer within {seconds:g} s")


class Unresponsive(DeadlineExceeded):
    """One attempt received no byte; the call may have time for another attempt."""

    retries = 2


class InsecureConnection(NetworkError):
    """TLS could not be verified; no setting turns the verification off."""

    code = "insecure_connection"
    retryable = False
    hint = "Check the computer's clock, the network and TELECMI_BASE_URL"
    fact = "the TLS connection to TeleCMI could not be verified"


class ProxyOrCertificate(NetworkError):
    """A proxy or certificate setting of the environment does not work; the sentence names the variables."""

    code = "proxy_or_certificate"
    retryable = False
    hint = "Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
    fact = "a proxy or certificate setting does not work"


class TeamServerError(TelecmiError):
    """The team server did not answer a request that ``telecmi-mcp connect`` passed on."""

    code = "team_server"
    hint = "Ask the administrator of the team server"


class TeamServerUnreachable(TeamServerError):
    """No connection to the team server could be opened."""

    code = "team_server_unreachable"
    retryable = True
    hint = "Check the network, or ask the administrator of the team server, then try again"
    fact = "the team server cannot be reached"


class TeamServerInterrupted(TeamServerError):
    """The connection ended before the answer was complete, or the response was not HTTP."""

    code = "team_server_interrupted"
    retryable = True
    hint = "Try again, or check the URL of the team server"
    fact = "the connection to it was interrupted"


class TeamServerUnresponsive(TeamServerError):
    """No complete answer came in time."""

    code = "team_server_unresponsive"
    retryable = True
    hint = "Try again later, or ask the administrator of the team server"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(fact=f"the team server did not answer within {seconds:g} s")


class TeamServerInsecure(TeamServerError):
    """TLS could not be verified; no setting turns the verification off."""

    code = "team_server_insecure"
    hint = "Check the computer's clock and the network, or ask the administrator of the team server"
    fact = "the TLS connection to it could not be verified"


class AccessKeyMissing(TeamServerError):
    """The team server requires an access key, and none is stored on this computer."""

    code = "access_key_missing"
    fact = "no access key for the team server is stored"

    def __init__(self, command: str) -> None:
        super().__init__(hint=f"The user must run {command} in a terminal")


class AccessKeyRejected(TeamServerError):
    """The team server answered 401: the access key is wrong, revoked or expired."""

    code = "access_key_rejected"
    fact = "the team server rejected the access key"

    def __init__(self, command: str) -> None:
        super().__init__(hint=f"The user must ask the administrator for a new key and run {command}")


class AccessDenied(TeamServerError):
    """The team server answered 403 or 421."""

    code = "access_denied"
    fact = "it does not allow this key, or does not answer for the host in the URL"


class TeamServerBusy(TeamServerError):
    """The team server answered 408 or 429."""

    code = "team_server_busy"
    retryable = True

    def __init__(self, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        hint = f"Try again in {_format_seconds(retry_after)}"
        super().__init__(hint=hint, fact="the team server has too many requests")


class TeamServerUnavailable(TeamServerError):
    """The team server, or the proxy in front of it, answered 502, 503 or 504."""

    code = "team_server_unavailable"
    retryable = True

    def __init__(self, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        hint = f"Try again in {_format_seconds(retry_after)}, or ask the administrator of the team server"
        super().__init__(hint=hint, fact="the team server is temporarily unavailable")


class TeamServerFailed(TeamServerError):
    """The team server answered 500 or another 5xx."""

    code = "team_server_failed"
    hint = "Ask the administrator of the team server to read its log"
    fact = "it reported an internal error"


class NotTeamServer(TeamServerError):
    """What answers at the URL does not speak MCP."""

    code = "not_team_server"
    hint = "Check the URL of the team server, and the network for a login page or proxy"
    fact = "the response was not MCP"


class TeamAnswerUnusable(TeamServerError):
    """The response is MCP, but not a usable answer to the request."""

    code = "team_answer_unusable"
    fact = "its response was not an answer to the request"


class ServiceError(TelecmiError):
    """The response of TeleCMI, or of another server at its address, is unusable."""

    code = "service"


class Unavailable(ServiceError):
    """TeleCMI answered 502, 503 or 504.

    Attributes:
        retry_after: Seconds to wait; ``None`` if TeleCMI did not say.
    """

    code = "unavailable"
    retryable = True
    retries = 2

    def __init__(self, retry_after: float | None = None, *, detail: str = "") -> None:
        self.retry_after = retry_after
        hint = f"Try again in {_format_seconds(retry_after)}"
        super().__init__(hint=hint, fact="TeleCMI is temporarily unavailable", detail=detail)


class ServiceFailed(ServiceError):
    """TeleCMI answered 500 or another 5xx."""

    code = "service_failed"
    again_hint = "Check TELECMI_BASE_URL and the proxy settings, and ask TeleCMI about an outage"
    retryable = True
    retries = 1
    fact = "TeleCMI reported an internal error"


class ResponseTooLarge(ServiceError):
    """The response exceeds the size limit, before or after decompression."""

    code = "answer_too_large"
    hint = "Check TELECMI_BASE_URL, or ask for fewer contacts"
    fact = "the response was too large"


class NotHttp(ServiceError):
    """The other server does not speak HTTP."""

    code = "not_http"
    hint = "Check TELECMI_BASE_URL and the proxy settings"
    fact = "the response was not HTTP"


class UnexpectedContent(ServiceError):
    """The response is a web page or empty, instead of JSON."""

    code = "not_data"
    hint = "Check the network for a login page or proxy, and TELECMI_BASE_URL"
    fact = "the response was a web page or empty, not TeleCMI's data"


class MalformedResponse(ServiceError):
    """The response does not follow TeleCMI's documents, nor any variant that this package knows."""

    code = "unreadable_answer"
    again_hint = "Check TELECMI_BASE_URL and the proxy settings, and ask TeleCMI about an outage"
    fact = "TeleCMI's response could not be parsed"


class CorruptResponse(MalformedResponse):
    """The body could not be decompressed; the request is repeated once, because it may be transport damage."""

    retryable = True
    retries = 1


class UnexpectedRedirect(ServiceError):
    """The response is an HTTP redirect, which is never followed, because the request body holds the token."""

    code = "unexpected_redirect"
    hint = "Check TELECMI_BASE_URL"
    fact = "the response was a redirect, which was not followed"


def _format_seconds(seconds: float | None) -> str:
    if seconds is None:
        return "a minute"
    if seconds > 2 * _HOUR:
        return "some hours"
    whole = math.ceil(seconds) or 1
    return f"{whole} s" if whole <= 10 * _MINUTE else f"{math.ceil(whole / _MINUTE)} minutes"
