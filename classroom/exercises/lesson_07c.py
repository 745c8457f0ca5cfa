"""The exercises of lesson 7c: a function that fails on demand, what each failure looks like, and tokens at the door."""

from __future__ import annotations

import base64
import hmac
import json
import time
from functools import cache
from typing import Any

from classroom.account.packages import HANDLERS
from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.exercise import Answer
from classroom.exercises.handler_checks import check_answered
from classroom.exercises.registry import exercise
from classroom.my_chat.chat import TRIAL_SECRET, function_of
from classroom.my_chat.trial import Outcome, Trial
from localstage.core.authorization import MalformedAuthorizerResult, read_authorizer_result

PREDICTIONS = {
    "7c.a": "Nothing",
    "7c.b": "502",
    "7c.c": "403",
    "7c.d": "alice",
    "7c.e": "IntegrationError the 400, ClientError the 401",
}
WORDS = ("raised", "returned nothing", "returned 500", "not called", "no route")


@exercise("7c.1", file="faulty.py", look="where the wanted fault stands: in the query string, or in the body")
def fail_on_demand(answer: Answer) -> None:
    """The function fails as it is asked to, on $connect by its query string, on a message by its body."""
    with answer.trial() as trial:
        check_answered("a handshake without a query string is let in", _handshake(trial, None))
        check_answered("a message that asks for no fault is handled", _message(trial, {"action": "fault"}))
        for where, ask in (("on $connect", _handshake), ("for a message", _message)):
            raised = ask(trial, {"fault": "raise"})
            if not raised.error:
                raise CheckFailed(
                    f'the function raises {where} when the fault is "raise". Yours returned {raised.result!r}. '
                    "Look at: raise, followed by an exception."
                )
            _check_not_by_accident(where, raised)
            print(f"ok: the function raises {where}")
            nothing = ask(trial, {"fault": "nothing"})
            _check_did_not_raise(where, "nothing", nothing)
            check(f"what it returns {where} for the fault nothing", nothing.result, None, look="return None")
            status = ask(trial, {"fault": "status"})
            _check_did_not_raise(where, "status", status)
            look = 'return {"statusCode": 500}'
            check(f"what it returns {where} for the fault status", status.result, {"statusCode": 500}, look=look)
            check_answered(f"another word {where} is no fault", ask(trial, {"fault": "none of these"}))


DIAGNOSES = {
    "Forbidden comes back to a message": ("no route", "what the word Forbidden said of loud"),
    "Internal server error; the log has a traceback": ("raised", "the traceback: what writes one?"),
    "Internal server error; the log has START and END, and no traceback": (
        "returned nothing",
        "your fault nothing: the function ended well, and API Gateway could not use its result",
    ),
    "nothing comes back to a message; the log has START and END, and no traceback": (
        "returned 500",
        "your fault status: API Gateway has no use for the result of a one-way route",
    ),
    "the handshake is refused with 502; the log has a traceback": (
        "raised",
        "what the two faults with 502 had in common",
    ),
    "the handshake is refused with 500; the log has START and END, and no traceback": (
        "returned 500",
        "whose number the client gets when $connect returns one",
    ),
    "the handshake is refused with 500; the log is empty": ("not called", "what an empty log says of the function"),
}


@exercise("7c.2", names=("diagnosis",), look="what came back for each of your faults, above")
def from_the_symptom_to_the_cause(answer: Answer) -> None:
    """Symptom and log together name the cause."""
    diagnosis = attempt("diagnosis is a dict", lambda: dict(answer.diagnosis), look="the dict of the cell above")
    for symptom, (cause, look) in DIAGNOSES.items():
        found = diagnosis.get(symptom)
        word = found.strip().lower() if isinstance(found, str) else found
        if word not in WORDS:
            raise CheckFailed(f"{symptom}: {found!r} is none of the five words. Look at: their spelling, in quotes.")
        if word != cause:
            raise CheckFailed(f"{symptom}. It is not {word!r}. Look at: {look}.")
        print(f"ok: {symptom}: {word}")


@exercise("7c.3", file="tokens.py", look="the three parts, in their order")
def make_a_token(answer: Answer) -> None:
    """A token is three parts of base64url: a header, the claims, and a signature over both."""
    make_token = function_of(answer.text, "make_token", "tokens.py")
    for name, expires_at, secret in (
        ("alice", 1_795_275_417.9, "s" * 40),
        ("Zoë Öberg", 2_000_000_000, "another secret"),
    ):

        def make(who: str = name, end: float = expires_at, key: str = secret) -> Any:
            return make_token(who, end, key)

        look = "encode(): a signature is made of bytes, and so is base64url"
        token = attempt(f"a token is made for {name}", make, look=look)
        check_returned(f"{name}'s token is text", token, str, look="decode(), at the end of base64url")
        parts = token.split(".")
        check("its parts, between dots", len(parts), 3, look="header.claims.signature")
        strange = sorted(set(token) & set("+/="))
        check("letters that base64url does not have", strange, [], look='urlsafe_b64encode, and rstrip(b"=")')
        check("its header", _decoded("header", parts[0]), {"alg": "HS256", "typ": "JWT"}, look="the first part")
        check(
            "its claims",
            _decoded("claims", parts[1]),
            {"sub": name, "exp": int(expires_at)},
            look='{"sub": name, "exp": int(expires_at)}',
        )
        signed = f"{parts[0]}.{parts[1]}"
        expected = (
            base64.urlsafe_b64encode(hmac.digest(secret.encode(), signed.encode(), "sha256")).rstrip(b"=").decode()
        )
        if parts[2] != expected:
            raise CheckFailed(
                f"{name}'s signature is that of the first two parts with the dot between them. Found {parts[2][:12]!r}…, "
                f"which is not. Look at: {_look_for_signature(parts[2], signed, secret)}."
            )
        print("ok: its signature")


@exercise("7c.4", file="authorizer.py", look="what is signed, what is compared, and what is returned")
def ask_at_the_door(answer: Answer) -> None:
    """A good token is let in under its name; every other is denied, without an exception, and no token is logged."""
    with answer.trial() as trial:
        soon, past = time.time() + 600, time.time() - 60
        good = _token("ann", soon, TRIAL_SECRET)
        _check_let_in(trial, "ann's token", good, "ann")
        header, claims, signature = good.split(".")
        other_claims = _token("eve", soon, TRIAL_SECRET).split(".")[1]
        unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
        for what, token, look in (
            ("a token that has expired", _token("ann", past, TRIAL_SECRET), 'claims["exp"], beside time.time()'),
            (
                "a token that somebody else has signed",
                _token("ann", soon, "a secret of their own"),
                "the signature: make it again with your secret, and compare",
            ),
            (
                "ann's token with eve's claims in it",
                f"{header}.{other_claims}.{signature}",
                "what is signed: the header and the claims, as they came",
            ),
            (
                'a token whose header says {"alg": "none"}',
                f"{unsigned}.{claims}.",
                "who chooses the algorithm: the header is written by whoever brings it",
            ),
            ("a text that is no token", "let me in, please", "texts without dots"),
            ("a text of three dots", "...", "parts that are empty"),
            (
                "a text with letters that no token has",
                "é.ü.ß",
                "encode(), before compare_digest, which takes bytes of any kind",
            ),
        ):
            _check_denied(trial, what, token, look)
        _check_let_in(trial, "bob's token", _token("bob", soon, TRIAL_SECRET), "bob")


@exercise("7c.5", file="chat_handler.py", look="where the name of the sender comes from")
def believe_the_token(answer: Answer) -> None:
    """The name that the authorizer has verified is the sender's, whatever the frame says; an open chat is as before."""
    with answer.trial() as trial:
        for name in ("ann", "eve"):
            check_answered(f"{name} is let in", trial.connect(name))
        for what, frame in (
            ("eve says that she is ann", {"sender": "ann", "message": "I owe Eve ten euros."}),
            ("eve says nothing of herself", {"message": "Hello"}),
        ):
            event = trial.event("sendMessage", "eve", {"action": "sendMessage", **frame})
            event["requestContext"]["authorizer"] = {"principalId": "eve", "name": "eve"}
            check_answered(f"{what}, and her message is handled", trial.handle(event))
            look = 'request["authorizer"]["name"]: it comes before the sender of the frame'
            check("who has sent it, on ann's screen", _last_sender(trial, "ann"), "eve", look=look)
            stored = {row.get("sender") for row in trial.rows("ChatMessages")}
            check("who has sent it, in the table", stored, {"eve"}, look="the row: it is stored before it is sent")
        check_answered("a chat without an authorizer handles ann's message", trial.send("ann", "Hi"))
        look = 'request.get("authorizer", {}): there is none while the chat is open'
        check("and believes her frame as before", _last_sender(trial, "eve"), "ann", look=look)


def _handshake(trial: Trial, query: dict[str, str] | None) -> Outcome:
    """A $connect with this query string; without one the key is absent. AWS: FIDELITY section 1."""
    event = trial.event("$connect", "dave")
    return trial.handle(event | ({"queryStringParameters": query} if query else {}))


def _message(trial: Trial, body: dict[str, str]) -> Outcome:
    return trial.handle(trial.event("fault", "dave", {"action": "fault", **body}))


def _check_not_by_accident(where: str, outcome: Outcome) -> None:
    for sign, look in (
        ("KeyError: 'body'", "the route: the event of a handshake has no body"),
        ("KeyError: 'queryStringParameters'", "the route: the event of a message has no query string"),
        ("NameError", "the line that the error names"),
    ):
        if sign in outcome.error:
            raise CheckFailed(
                f"the function raises {where} because it was asked to. Yours raised {outcome.error} ({outcome.line}). "
                f"Look at: {look}."
            )


def _check_did_not_raise(where: str, fault: str, outcome: Outcome) -> None:
    if outcome.error:
        raise CheckFailed(
            f"the function does not raise {where} for the fault {fault}. Yours raised {outcome.error} ({outcome.line}). "
            "Look at: which fault that line is for."
        )


def _decoded(what: str, part: str) -> Any:
    def decode() -> Any:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    return attempt(f"the {what} of the token can be read", decode, look="base64url of json.dumps(…).encode()")


def _look_for_signature(found: str, signed: str, secret: str) -> str:
    """The first place to look for the mistakes that signatures invite."""
    digest = hmac.new(secret.encode(), signed.encode(), "sha256")
    claims_only = hmac.digest(secret.encode(), signed.partition(".")[2].encode(), "sha256")
    if found == digest.hexdigest():
        return "hmac.digest, which gives the bytes; hexdigest writes them as 64 letters"
    if found == base64.urlsafe_b64encode(digest.hexdigest().encode()).rstrip(b"=").decode():
        return "hmac.digest, which gives the bytes; hexdigest writes them as 64 letters"
    if found == base64.urlsafe_b64encode(claims_only).rstrip(b"=").decode():
        return "what is signed: the header, too"
    return 'hmac.digest(secret.encode(), f"{header}.{claims}".encode(), "sha256")'


@cache
def _course_make_token() -> Any:
    return function_of((HANDLERS / "tokens.py").read_text("utf-8"), "make_token", "tokens.py")


def _token(name: str, expires_at: float, secret: str) -> str:
    return _course_make_token()(name, expires_at, secret)


def _asked(trial: Trial, what: str, token: str) -> tuple[dict[str, Any], str]:
    """What the authorizer answers to a handshake with a token, and the ARN that it was asked about."""
    request = trial.event("$connect", "ann")["requestContext"]
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{request['apiId']}/prod/$connect"
    outcome = trial.handle(
        # AWS: FIDELITY section 1, the authorizer's event.
        {
            "type": "REQUEST",
            "methodArn": arn,
            "headers": {"Host": request["domainName"]},
            "multiValueHeaders": {"Host": [request["domainName"]]},
            "queryStringParameters": {"token": token},
            "multiValueQueryStringParameters": {"token": [token]},
            "stageVariables": {},
            "requestContext": request,
        }
    )
    if outcome.error:
        look = "the try around the reading of the token: the client gets 500, and nobody knows why"
        if "No module named" in outcome.error:
            look = "exercise 7c.3: it writes tokens.py, which authorizer.py imports"
        raise CheckFailed(
            f"{what} is answered with a policy. Your authorizer raised {outcome.error} ({outcome.line}). Look at: {look}."
        )
    for secret, name in ((token, "the token"), (TRIAL_SECRET, "the secret")):
        if len(secret) > 20 and secret in outcome.printed:
            raise CheckFailed(
                f"the log tells no secrets. Yours has {name} in it, and whoever reads the log can use it. Look at: print."
            )
    return outcome.result, arn


def _denial(what: str, answered: Any, arn: str) -> str | None:
    """Why API Gateway refuses a connection after this answer; None if it lets it in."""
    try:
        return read_authorizer_result(json.dumps(answered).encode()).denial(arn, {})
    except MalformedAuthorizerResult:
        raise CheckFailed(
            f'{what} is answered with {{"principalId": …, "policyDocument": {{"Version": …, "Statement": […]}}, '
            f'"context": {{…}}}}. Yours returned {answered!r}. Look at: the form above, key by key.'
        ) from None


def _check_let_in(trial: Trial, what: str, token: str, name: str) -> None:
    answered, arn = _asked(trial, what, token)
    denial = _denial(what, answered, arn)
    if denial is not None:
        raise CheckFailed(
            f"{what} is good, and is let in. Your policy makes API Gateway say: {denial}. Look at: the signature, which is "
            "made of the first two parts as they came; then Effect, which is Allow for a good token, "
            'Action, which is execute-api:Invoke, and Resource, which is event["methodArn"].'
        )
    if _denial(what, answered, arn.replace("$connect", "admin")) is None:
        raise CheckFailed(
            f'{what} is allowed the one call that was asked about. Yours allows others, too. Look at: event["methodArn"].'
        )
    context = answered.get("context")
    found = context.get("name") if isinstance(context, dict) else context
    check(f"{what} is let in, and context has the name", found, name, look='"context": {"name": …}, from the claim sub')


def _check_denied(trial: Trial, what: str, token: str, look: str) -> None:
    answered, arn = _asked(trial, what, token)
    if _denial(what, answered, arn) is None:
        raise CheckFailed(f"{what} is denied. Your authorizer lets it in. Look at: {look}.")
    print(f"ok: {what} is denied")


def _last_sender(trial: Trial, name: str) -> Any:
    """Whose name is on the newest message of somebody's screen."""
    frames = [frame for frame in trial.screen(name) if isinstance(frame, dict)]
    return frames[-1].get("sender") if frames else "nothing has arrived"
