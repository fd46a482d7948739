"""OAuth access tokens: which are taken, which are not, and who is asked for keys when."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from pydantic import AnyHttpUrl
from starlette.requests import HTTPConnection

from paths import ROOT
from team.provider import ISSUER, PUBLIC_URL, SCOPE, Provider, claims, private_key, public_jwk, token
from telecmi_mcp._team.auth.callers import LOOKUP_MASKED, UNMASKED, is_name, name_of_subject
from telecmi_mcp._team.auth.jwks import ALGORITHMS, MAX_BODY_BYTES, metadata_urls
from telecmi_mcp._team.auth.oauth import MAX_TOKEN
from telecmi_mcp.errors import IssuerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (ROOT / "docs" / "oauth.md").read_text(encoding="utf8")


def at(seconds: float) -> int:
    """So many seconds from now, when the token is made: the tests before it may take a minute."""
    return int(time.time() + seconds)


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    return f"{encoded(header)}.{encoded(claims())}.{signature}"


def confused() -> str:
    """Signed by HMAC, with the public key that everybody knows as the secret."""
    public = private_key("RS256", "rsa").public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, form)
    head = unsigned({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}).rpartition(".")[0]
    return f"{head}.{encoded(jwt.get_algorithm_by_name('HS256').sign(head.encode(), pem))}"


def extended() -> str:
    """With an extension that PyJWT knows, and we do not."""
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "one", "crit": ["b64"], "b64": True}
    head = unsigned(header).rpartition(".")[0]
    return f"{head}.{encoded(jwt.get_algorithm_by_name('ES256').sign(head.encode(), private_key('ES256', 'one')))}"


def altered() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{encoded(claims(sub='somebody else'))}.{signature}"


def signed(payload: bytes) -> str:
    """What the provider signed, whatever it is."""
    head = f"{encoded({'alg': 'ES256', 'typ': 'at+jwt', 'kid': 'one'})}.{encoded(payload)}"
    return f"{head}.{encoded(jwt.get_algorithm_by_name('ES256').sign(head.encode(), private_key('ES256', 'one')))}"


STRANGER = private_key("ES256", "stranger")

REFUSED: dict[str, Callable[[], str]] = {
    "of another key with the same id": lambda: token(key=STRANGER),
    "with other claims than were signed": altered,
    "expired two minutes ago": lambda: token(exp=at(-120)),
    "without an end": lambda: token(exp=None),
    "with an end that is no time": lambda: token(exp="soon"),
    "with an end of four hundred digits": lambda: token(exp=10**400),
    "with an end after the last year": lambda: token(exp=253_402_300_800),
    "with an end of no number": lambda: token(exp=float("nan")),
    "with an end before all times": lambda: token(exp=float("-inf")),
    "with an end that is a text": lambda: token(exp=str(at(600))),
    "with an end that is true": lambda: token(exp=True),
    "with a beginning before all times": lambda: token(nbf=-(10**400)),
    "with a beginning of no number": lambda: token(nbf=float("nan")),
    "issued beyond all numbers": lambda: token(iat=float("inf")),
    "issued before all times": lambda: token(iat=-(10**400)),
    "issued at a text": lambda: token(iat="0"),
    "with an end of five thousand digits": lambda: signed(b'{"exp": ' + b"9" * 5000 + b"}"),
    "with claims of a thousand brackets": lambda: signed(b"[" * 5000),
    "with an end beyond all numbers": lambda: token(exp=float("inf")),
    "not yet valid": lambda: token(nbf=at(120)),
    "issued in the future": lambda: token(iat=at(120)),
    "for another audience": lambda: token(aud="https://other.example/mcp"),
    "for a part of the address": lambda: token(aud="https://contacts.example"),
    "for more of an address": lambda: token(aud=f"{PUBLIC_URL}/admin"),
    "for nobody": lambda: token(aud=None),
    "for an empty list": lambda: token(aud=[]),
    "of another issuer": lambda: token(iss="https://idp.example/other"),
    "of the issuer with a slash": lambda: token(iss=f"{ISSUER}/"),
    "of no issuer": lambda: token(iss=None),
    "without a subject": lambda: token(sub=None),
    "with an empty subject": lambda: token(sub=""),
    "with a subject that is a number": lambda: token(sub=7),
    "with alg none": lambda: unsigned({"alg": "none", "typ": "at+jwt"}),
    "with alg None": lambda: unsigned({"alg": "None", "kid": "one"}),
    "without alg": lambda: unsigned({"typ": "at+jwt"}),
    "with alg HS256 and the public key as the secret": confused,
    "with the signature taken off": lambda: token().rpartition(".")[0] + ".",
    "with another algorithm than its key's": lambda: unsigned({"alg": "ES384", "kid": "one"}, encoded(b"x" * 96)),
    "of an unknown key": lambda: token(key=STRANGER, name="unknown"),
    "with its own key in the header": lambda: token(key=STRANGER, header={"jwk": public_jwk("ES256", "stranger")}),
    "with the address of its keys": lambda: token(key=STRANGER, header={"jku": "https://evil.example/keys"}),
    "with the address of its certificate": lambda: token(key=STRANGER, header={"x5u": "https://evil.example/cert"}),
    "with its certificate": lambda: token(key=STRANGER, header={"x5c": ["MIIB"]}),
    "with an extension that must be understood": lambda: token(header={"crit": ["exp"], "exp": 1}),
    "with an extension that PyJWT understands": extended,
    "with the id of a key of another kind": lambda: token(algorithm="RS256", name="rsa", header={"kid": "one"}),
    "with a key id that is a list": lambda: unsigned({"alg": "ES256", "kid": ["one"]}, "AA"),
    "that signs people in": lambda: token(header={"typ": "JWT"}, at_hash="x"),
    "that signs people in, by its nonce": lambda: token(header={"typ": "JWT"}, nonce="x", scope=None),
    "that Keycloak calls an ID token": lambda: token(header={"typ": "JWT"}, typ="ID"),
    "that logs people out": lambda: token(header={"typ": "logout+jwt"}),
    "bound to a key of its sender": lambda: token(cnf={"jkt": "x"}),
    "too long": lambda: token(groups=["group"] * (MAX_TOKEN // 8)),
    "that is no token": lambda: "hunter2",
    "that is a key of ours": lambda: "tmk_" + "A" * 43,
    "with a header of a thousand brackets": lambda: f"{encoded(b'[' * 5000)}.e30.AA",
    "that is empty": lambda: "",
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_token_is_refused(case: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    provider = Provider()
    provider.keys.append(public_jwk("RS256", "rsa"))
    bad = REFUSED[case]()
    assert await provider.verifier().verify_token(bad) is None
    assert set(provider.asked) <= {"/.well-known/oauth-authorization-server/tenant", "/keys"}
    assert not bad or bad not in caplog.text


TAKEN: dict[str, Callable[[], str]] = {
    "as RFC 9068 has it": token,
    "with the type in its long form": lambda: token(header={"typ": "application/at+jwt"}),
    "of type JWT, as most providers have it": lambda: token(header={"typ": "JWT"}),
    "of no type": lambda: token(header={"typ": None}),
    "for several": lambda: token(aud=["https://other.example", PUBLIC_URL]),
    "for the address with a slash": lambda: token(aud=f"{PUBLIC_URL}/"),
    "expired half a minute ago": lambda: token(exp=at(-30)),
    "with a fraction of a second": lambda: token(exp=time.time() + 600.5),
    "with a type of its own that is a list": lambda: token(typ=["ID"]),
    "of a clock that is half a minute ahead": lambda: token(iat=at(30), nbf=at(30)),
    "without the id of its key, where there is one": lambda: token(header={"kid": None}),
    "with scp for scope": lambda: token(scope=None, scp=[SCOPE]),
    "with scp as words": lambda: token(scope=None, scp=f"{SCOPE} other"),
    "as Keycloak has it": lambda: token(
        header={"typ": "JWT"}, typ="Bearer", aud=[PUBLIC_URL, "account"], azp="agent", client_id=None, sid="x", acr="1"
    ),
}


@pytest.mark.parametrize("case", TAKEN)
async def test_a_token_is_taken_by_the_sdks_own_check_too(case: str) -> None:
    backend = BearerAuthBackend(Provider().verifier(), resource_server_url=AnyHttpUrl(PUBLIC_URL))
    header = (b"authorization", f"Bearer {TAKEN[case]()}".encode())
    found = await backend.authenticate(HTTPConnection({"type": "http", "headers": [header]}))
    assert found is not None
    credentials, user = found
    assert (SCOPE in credentials.scopes, user.access_token.subject) == (True, "priya")
    assert user.access_token.token == ""
    assert user.access_token.claims == {"iss": ISSUER}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_algorithm_that_is_allowed_works(algorithm: str) -> None:
    provider = Provider()
    provider.keys = [public_jwk(algorithm)]
    good = token(algorithm=algorithm)
    assert await provider.verifier().verify_token(good)
    assert await provider.verifier().verify_token(good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB")) is None


async def test_an_audience_that_was_set_is_the_only_one() -> None:
    provider = Provider()
    verifier = provider.verifier(audience="api://contacts")
    assert await verifier.verify_token(token(aud="api://contacts"))
    assert await verifier.verify_token(token(aud="api://contacts/")) is None
    assert await verifier.verify_token(token()) is None


@pytest.mark.parametrize(
    ("public_url", "asked_for"),
    [
        ("https://Contacts.Example/mcp", "https://contacts.example/mcp"),
        ("https://contacts.example:443/mcp", "https://contacts.example/mcp"),
        ("https://contacts.example", "https://contacts.example/"),
    ],
)
async def test_the_address_is_an_audience_as_it_was_set_and_as_clients_ask_for_it(
    public_url: str, asked_for: str
) -> None:
    verifier = Provider().verifier(public_url=public_url)
    for audience in (public_url, asked_for, f"{asked_for.rstrip('/')}/"):
        assert await verifier.verify_token(token(aud=audience))
    assert await verifier.verify_token(token(aud="https://contacts.example:8443/mcp")) is None


REASONS: dict[str, Callable[[], str]] = {
    "InvalidAudienceError": lambda: token(aud="https://other.example"),
    "no aud": lambda: token(aud=None),
    "no sub": lambda: token(sub=None),
    "InvalidIssuerError": lambda: token(iss="https://other.example"),
    "no JSON Web Token": lambda: "x" * 43,
    "another kind of token": lambda: token(header={"typ": "JWT"}, typ="ID"),
}


@pytest.mark.parametrize("reason", REASONS)
async def test_the_log_says_why_a_token_was_refused(reason: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert await Provider().verifier().verify_token(REASONS[reason]()) is None
    assert f"an OAuth token was refused: {reason}" in caplog.messages


def test_the_page_on_oauth_says_what_to_do_about_these_reasons() -> None:
    rows = re.findall(r"^\| refused: (.+?) \|", PAGE, re.MULTILINE)
    assert re.findall(r"`(.+?)`", " ".join(rows)) == list(REASONS)


def test_the_page_on_oauth_lists_the_scopes_that_the_server_reads() -> None:
    section = PAGE.split("\n## Scopes\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE) == [SCOPE, UNMASKED, LOOKUP_MASKED]


async def test_a_scope_that_is_missing_is_left_to_the_sdk_to_refuse() -> None:
    found = await Provider().verifier().verify_token(token(scope="openid"))
    assert found is not None
    assert found.scopes == ["openid"]


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        public_jwk(use="enc"),
        public_jwk(key_ops=["sign"]),
        public_jwk(alg="ES384"),
        public_jwk(x="AA"),
        {**public_jwk(), "crv": "secp256k1"},
        {"kid": "one"},
        "no key",
    ],
)
async def test_a_key_that_is_not_for_this_is_passed_over(entry: Any) -> None:
    provider = Provider()
    provider.keys = [entry, public_jwk("EdDSA", "other")]
    assert await provider.verifier().verify_token(token()) is None
    assert await provider.verifier().verify_token(token(algorithm="EdDSA", name="other"))


async def test_a_short_rsa_key_is_not_used() -> None:
    provider = Provider()
    provider.keys = [public_jwk("RS256", "short"), public_jwk()]
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        bad = token(algorithm="RS256", name="short")
    assert await provider.verifier().verify_token(bad) is None


async def test_a_token_that_names_no_key_is_not_tried_with_several() -> None:
    provider = Provider()
    provider.keys.append(public_jwk("ES256", "two"))
    assert await provider.verifier().verify_token(token(header={"kid": None})) is None


async def test_keys_are_read_once_for_many_tokens() -> None:
    provider = Provider()
    verifier = provider.verifier()
    for _ in range(5):
        assert await verifier.verify_token(token())
    assert provider.asked == ["/.well-known/oauth-authorization-server/tenant", "/keys"]


async def test_a_new_key_is_taken_at_its_first_token_and_an_old_one_ends_when_it_is_withdrawn() -> None:
    provider = Provider()
    verifier = provider.verifier(jwks_url="https://idp.example/keys")
    assert await verifier.verify_token(token())
    provider.now += 11
    provider.keys = [public_jwk("ES256", "two")]
    assert await verifier.verify_token(token(name="two"))
    assert await verifier.verify_token(token()) is None


@pytest.mark.parametrize(
    ("said", "seconds"), [("", 600), ("max-age=5", 60), ("public, max-age=300", 300), ("max-age=86400", 3600)]
)
async def test_keys_are_read_again_after_a_sane_time(said: str, seconds: int) -> None:
    provider = Provider()
    provider.headers = {"Cache-Control": said}
    verifier = provider.verifier(jwks_url="https://idp.example/keys")
    assert await verifier.verify_token(token())
    provider.now += seconds - 1
    assert await verifier.verify_token(token())
    assert len(provider.asked) == 1
    provider.now += 1
    assert await verifier.verify_token(token())
    assert len(provider.asked) == 2


async def test_invented_key_ids_do_not_reach_the_provider() -> None:
    provider = Provider()
    verifier = provider.verifier(jwks_url="https://idp.example/keys")
    assert await verifier.verify_token(token())
    for number in range(50):
        assert await verifier.verify_token(token(header={"kid": f"forged {number}"})) is None
        provider.now += 0.4
    assert len(provider.asked) == 2


async def test_while_the_provider_is_unreachable_known_keys_are_kept_for_a_day() -> None:
    provider = Provider()
    verifier = provider.verifier()
    assert await verifier.verify_token(token())
    provider.is_away = True
    provider.now += 80_000
    assert await verifier.verify_token(token())
    with pytest.raises(IssuerUnavailable):  # it may be of a new key
        await verifier.verify_token(token(name="two"))
    provider.now += 7_000
    with pytest.raises(IssuerUnavailable):
        await verifier.verify_token(token())
    provider.is_away = False
    provider.now += 6
    assert await verifier.verify_token(token())


async def test_a_provider_that_is_unreachable_is_asked_at_most_once_in_five_seconds_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = Provider()
    provider.is_away = True
    verifier = provider.verifier(jwks_url="https://idp.example/keys")
    for _ in range(10):
        with pytest.raises(IssuerUnavailable):
            await verifier.verify_token(token())
        provider.now += 1
    assert len(provider.asked) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


KEYS = json.dumps({"keys": [public_jwk()]}).encode()
OPENID = "/tenant/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server/tenant"
GOOD = {"issuer": ISSUER, "jwks_uri": "https://idp.example/keys"}


@pytest.mark.parametrize(
    ("pages", "works"),
    [
        ({OAUTH: GOOD}, True),
        ({OPENID: GOOD}, True),
        ({OAUTH: {**GOOD, "issuer": "https://evil.example"}, OPENID: GOOD}, True),
        ({OAUTH: {**GOOD, "issuer": "https://evil.example"}}, False),
        ({OAUTH: {**GOOD, "issuer": f"{ISSUER}/"}}, False),
        ({OAUTH: {**GOOD, "jwks_uri": "http://idp.example/keys"}}, False),
        ({OAUTH: {**GOOD, "jwks_uri": "file:///keys"}}, False),
        ({OAUTH: {"issuer": ISSUER}}, False),
        ({OAUTH: ["no object"]}, False),
        ({}, False),
    ],
)
async def test_where_the_keys_are_is_read_from_metadata_of_this_issuer(pages: Any, *, works: bool) -> None:
    provider = Provider()
    provider.pages = pages
    if works:
        assert await provider.verifier().verify_token(token())
        return
    with pytest.raises(IssuerUnavailable):
        await provider.verifier().verify_token(token())
    assert "/keys" not in provider.asked


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 302, "headers": {"Location": "https://evil.example/keys"}},
        {"status_code": 200, "content": KEYS + b" " * MAX_BODY_BYTES},
        {"status_code": 200, "content": gzip.compress(KEYS), "headers": {"Content-Encoding": "gzip"}},
        {"status_code": 200, "content": b"<html>"},
        {"status_code": 200, "content": b"[" * 100_000},
        {"status_code": 200, "json": {"keys": []}},
        {"status_code": 200, "json": {"keys": "none"}},
        {"status_code": 500},
    ],
)
async def test_an_answer_that_holds_no_keys_is_a_provider_that_is_unreachable(answer: Any) -> None:
    provider = Provider()
    provider.pages = {"/elsewhere": httpx2.Response(**answer)}
    with pytest.raises(IssuerUnavailable):
        await provider.verifier(jwks_url="https://idp.example/elsewhere").verify_token(token())
    assert provider.asked == ["/elsewhere"]


def test_metadata_is_where_the_two_standards_put_it() -> None:
    assert metadata_urls("https://idp.example/") == (
        "https://idp.example/.well-known/oauth-authorization-server",
        "https://idp.example/.well-known/openid-configuration",
    )
    assert metadata_urls("https://idp.example/realms/a/") == (
        "https://idp.example/.well-known/oauth-authorization-server/realms/a",
        "https://idp.example/realms/a/.well-known/openid-configuration",
    )


@given(st.text(max_size=200))
async def test_no_text_breaks_the_verifier(text: str) -> None:
    assert await Provider().verifier().verify_token(text) is None


@given(st.text(max_size=300))
def test_every_subject_has_a_name_that_is_one(subject: str) -> None:
    assert is_name(name_of_subject(subject))


def test_two_subjects_never_have_one_name() -> None:
    long = "a" * 100
    subjects = [
        "Jos\u00e9",
        "Jose\u0301",
        "priya",
        "priya ",
        " priya",
        "priya\n",
        "pri\u200bya",
        long,
        long + "b",
        "~x",
        name_of_subject(long),
        "",
    ]
    assert len({name_of_subject(subject) for subject in subjects}) == len(subjects)
    assert name_of_subject("auth0|507f1f77bcf86cd799439011") == "auth0|507f1f77bcf86cd799439011"


MEMBERS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2)


@given(
    st.sampled_from([public_jwk(), public_jwk("EdDSA"), public_jwk("RS256")]),
    st.dictionaries(
        st.sampled_from(["kty", "crv", "n", "e", "x", "y", "kid", "alg", "use", "key_ops"]), MEMBERS, min_size=1
    ),
)
async def test_no_key_that_a_provider_may_publish_breaks_the_others(
    good: dict[str, Any], changes: dict[str, Any]
) -> None:
    provider = Provider()
    provider.keys = [{**good, "kid": "two", **changes}, public_jwk()]
    assert await provider.verifier(jwks_url="https://idp.example/keys").verify_token(token())
