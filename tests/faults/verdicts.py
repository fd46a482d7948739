"""Faults that TeleCMI reports itself, by HTTP status or inside a 200, and answers that are not what was asked."""

from __future__ import annotations

from dataclasses import replace

from telecmi_mcp import errors
from telecmi_mcp._models import Contact

from .fault import PAGE, Fault
from .plays import CONTACT_ID, CURSOR, GOOD, JOHN, MARK, OTHER_ID, TOKEN, answers, page, verdict

_LONG_AGO = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"
_IN_2199 = "Retry-After: Mon, 21 Oct 2199 07:28:00 GMT"
_CIRCLE = "The list ends here: TeleCMI's cursor led back to an earlier page."
_NO_CURSOR = "The list ends early: TeleCMI's cursor for the next page cannot be passed on."

_HTML = f"<html><h1>{MARK}</h1></html>".encode()
_NEVER_SAID = errors.RateLimited(None)

FAILURES = (
    *(
        Fault(
            f"unavailable-{status}",
            f"TeleCMI answers {status} with a web page.",
            (answers(_HTML, status=status),),
            errors.Unavailable(),
            tries=3,
        )
        for status in (502, 503, 504)
    ),
    Fault(
        "unavailable-in-200",
        "The verdict 503 inside a 200.",
        (verdict(503),),
        errors.Unavailable(),
        tries=3,
    ),
    Fault(
        "unavailable-for-a-minute",
        "503 with Retry-After: 60, which is more time than there is.",
        (verdict(503, "Retry-After: 60", status=503),),
        errors.Unavailable(60),
    ),
    Fault(
        "failed-500",
        "TeleCMI answers 500.",
        (verdict(500, status=500, words="Something went wrong!"),),
        errors.ServiceFailed(),
        tries=2,
    ),
    Fault(
        "failed-in-200",
        "The verdict 500 inside a 200.",
        (verdict(500, words="Something went wrong!"),),
        errors.ServiceFailed(),
        tries=2,
    ),
    Fault(
        "failed-html",
        "500 with a web page.",
        (answers(_HTML, status=500),),
        errors.ServiceFailed(),
        tries=2,
    ),
    Fault(
        "failed-once",
        "500, then a good answer.",
        (verdict(500, status=500), GOOD),
        PAGE,
        tries=2,
    ),
    Fault(
        "error-without-code",
        "The answer says that there was an error, and not which.",
        (answers(b'{"error":true,"msg":"' + MARK.encode() + b'"}'),),
        errors.ServiceFailed(),
        tries=2,
    ),
)

RATE_LIMITS = (
    *(
        Fault(
            f"rate-limit-{status}{'-in-200' if inside else ''}",
            f"{'The verdict' if inside else 'TeleCMI answers'} {status}{' inside a 200' if inside else ''}.",
            (verdict(status, status=200 if inside else status),),
            _NEVER_SAID,
            tries=3,
        )
        for status in (408, 429)
        for inside in (False, True)
    ),
    Fault(
        "retry-after-fits",
        "429 with Retry-After: 2, then a good answer.",
        (verdict(429, "Retry-After: 2", status=429), GOOD),
        PAGE,
        tries=2,
        pauses=(2,),
    ),
    Fault(
        "retry-after-fits-in-200",
        "The verdict 429 inside a 200 with Retry-After: 2, then a good answer.",
        (verdict(429, "Retry-After: 2"), GOOD),
        PAGE,
        tries=2,
        pauses=(2,),
    ),
    Fault(
        "retry-after-a-minute",
        "429 with Retry-After: 60, which is more time than there is.",
        (verdict(429, "Retry-After: 60", status=429),),
        errors.RateLimited(60),
        pauses=(),
    ),
    Fault(
        "retry-after-date",
        "429 with a date in 2199 in Retry-After.",
        (verdict(429, _IN_2199, status=429),),
        errors.RateLimited(1e9),
        pauses=(),
    ),
    Fault(
        "retry-after-past",
        "429 with a date of 2015 in Retry-After, then a good answer.",
        (verdict(429, _LONG_AGO, status=429), GOOD),
        PAGE,
        tries=2,
    ),
    Fault(
        "retry-after-huge",
        "429 with Retry-After: 99999999999999.",
        (verdict(429, "Retry-After: 99999999999999", status=429),),
        errors.RateLimited(99999999999999),
        pauses=(),
    ),
    Fault(
        "retry-after-endless",
        "429 with a Retry-After of 400 digits.",
        (verdict(429, f"Retry-After: {'9' * 400}", status=429),),
        errors.RateLimited(1e300),
        pauses=(),
    ),
    *(
        Fault(
            f"retry-after-{name}",
            f"429 with Retry-After: {text}.",
            (verdict(429, f"Retry-After: {text}", status=429),),
            _NEVER_SAID,
            tries=3,
        )
        for name, text in (
            ("negative", "-60"),
            ("nan", "NaN"),
            ("infinite", "inf"),
            ("garbage", MARK),
            ("bad-date", "Wed, 99 Oct 2015 07:28:00 GMT"),
        )
    ),
)

REFUSALS = (
    Fault(
        "invalid",
        "TeleCMI answers 400.",
        (verdict(400, status=400),),
        errors.RequestRejected(400),
    ),
    Fault(
        "invalid-in-200",
        "The verdict 400 inside a 200, with the reason in an object.",
        (verdict(400, words={"body": [{"message": MARK}]}),),
        errors.RequestRejected(400),
    ),
    Fault(
        "stale-cursor",
        "400 to the cursor of a page.",
        (verdict(400, status=400),),
        errors.InvalidCursor(),
        page_state=CURSOR,
    ),
    Fault(
        "stale-cursor-500",
        "500 to the cursor of a page.",
        (verdict(500, status=500),),
        errors.ServiceFailed(hint="Try again, then start again without page_state"),
        tries=2,
        page_state=CURSOR,
    ),
    *(
        Fault(
            f"token-refused-{status}{'-in-200' if inside else ''}",
            f"{'The verdict' if inside else 'TeleCMI answers'} {status}{' inside a 200' if inside else ''}.",
            (verdict(status, status=200 if inside else status),),
            errors.TokenRejected(status),
        )
        for status in (401, 403, 404, 407)
        for inside in (False, True)
    ),
    Fault(
        "token-refused-silently",
        "401 with an empty body.",
        (answers(b"", status=401),),
        errors.TokenRejected(401),
    ),
    Fault(
        "code-in-words",
        'The verdict is the text "404".',
        (verdict("404"),),
        errors.TokenRejected(404),
    ),
    *(
        Fault(
            f"contact-{status}",
            f"{status} to a contact's id, while a page of one is answered.",
            (verdict(status, status=status), GOOD),
            errors.ContactNotFound(CONTACT_ID),
            tries=2,
            contact_id=CONTACT_ID,
        )
        for status in (400, 404)
    ),
    Fault(
        "contact-404-token",
        "404 to a contact's id, and 404 to a page of one: it is the token.",
        (verdict(404),),
        errors.TokenRejected(404),
        tries=2,
        contact_id=CONTACT_ID,
    ),
    Fault(
        "contact-404-then-503",
        "404 to a contact's id, while a page of one is not available.",
        (verdict(404), verdict(503)),
        errors.Unavailable(),
        tries=4,
        contact_id=CONTACT_ID,
    ),
    *(
        Fault(
            f"contact-{name}",
            f"A contact was asked for, and {says_so}.",
            (answers(body),),
            errors.ContactNotFound(CONTACT_ID),
            contact_id=CONTACT_ID,
        )
        for name, says_so, body in (
            ("missing", "there are no contacts in the answer", b'{"code":200}'),
            ("null", "contacts is null", b'{"code":200,"contacts":null}'),
            ("empty", "contacts is empty", b'{"code":200,"contacts":[]}'),
        )
    ),
)

_OTHER = {**JOHN, "contact_id": OTHER_ID, "first_name": MARK}

WRONG_ANSWERS = (
    Fault(
        "contact-another",
        "Another contact comes than the one that was asked for.",
        (answers(page(_OTHER)),),
        errors.MalformedResponse(fact="TeleCMI answered with another contact than the one asked for"),
        contact_id=CONTACT_ID,
    ),
    Fault(
        "contact-two",
        "Two contacts come for one id.",
        (answers(page(JOHN, _OTHER)),),
        errors.MalformedResponse(),
        contact_id=CONTACT_ID,
    ),
    Fault(
        "contact-one-object",
        "The contact comes as an object instead of a list of one.",
        (answers(page().replace(b"[", b"").replace(b"]", b"")),),
        Contact(**JOHN),
        contact_id=CONTACT_ID,
    ),
    Fault(
        "page-10000",
        "10,000 contacts come where ten were asked for.",
        (answers(page(*[JOHN] * 10_000)),),
        replace(PAGE, contacts=[*PAGE.contacts] * 10, surplus=9_990),
    ),
    Fault(
        "cursor-again",
        "A page has its own cursor as the next one.",
        (answers(page(page_state=CURSOR)),),
        replace(PAGE, broken_off=_CIRCLE),
        page_state=CURSOR,
    ),
    Fault(
        "cursor-circle-of-one",
        "The first page's cursor comes again and again.",
        (answers(page(page_state=CURSOR)),),
        replace(PAGE, broken_off=_CIRCLE),
        tries=2,
        walk=True,
    ),
    *(
        Fault(
            f"cursor-circle-of-{length}",
            f"The cursors of {length} pages lead in a circle.",
            tuple(answers(page(page_state=f"{CURSOR}{number % length}")) for number in range(length + 1)),
            replace(PAGE, broken_off=_CIRCLE),
            tries=length + 1,
            walk=True,
        )
        for length in (2, 3)
    ),
    Fault(
        "cursor-20-kb",
        "A cursor is 20,000 characters long.",
        (answers(page(page_state="q" * 20_000)),),
        replace(PAGE, broken_off=_NO_CURSOR),
    ),
    Fault(
        "token-in-field",
        "A contact's name is the token.",
        (answers(page({**JOHN, "first_name": f"Jo {TOKEN} hn"})),),
        replace(PAGE, contacts=(Contact(**{**JOHN, "first_name": "Jo [removed] hn"}),)),
    ),
    Fault(
        "token-in-pieces",
        "A contact's name is the token with something invisible in it.",
        (answers(page({**JOHN, "first_name": "\u200b".join(TOKEN)})),),
        replace(PAGE, contacts=(Contact(**{**JOHN, "first_name": "[removed]"}),)),
    ),
    Fault(
        "token-in-words",
        "TeleCMI's explanation of an error holds the token.",
        (verdict(401, words=f"no such token: {TOKEN}"),),
        errors.TokenRejected(401),
    ),
    Fault(
        "token-in-words-in-pieces",
        "TeleCMI's explanation of an error holds the token with something invisible in it.",
        (verdict(401, words="\u200b".join(TOKEN)),),
        errors.TokenRejected(401),
    ),
    Fault(
        "token-in-cursor",
        "The next page's cursor holds the token.",
        (answers(page(page_state=f"next-{TOKEN}")),),
        replace(PAGE, broken_off=_NO_CURSOR),
    ),
)
