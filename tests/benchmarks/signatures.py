"""What checking a signature costs a call: ``python -m tests.benchmarks.signatures``.

A post and a PutItem as boto3 sends them, read from their heads and verified as
the door does it. Times are processor time of this thread.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import boto3
import click
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey, Verifier

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/chat"
KEY = KnownKey("ASIA0123456789ABCDEF", "s" * 40, ROLE, "123456789012", session_token="t" * 80, entity_arn=ROLE)
HOST = f"abcde12345.execute-api.{REGION}.amazonaws.com"
USER_AGENT = boto3.session.Session()._session.user_agent()


def post() -> tuple[str, str, dict[str, str], bytes]:
    """Method, target, signed headers and body of a PostToConnection."""
    return _signed("execute-api", f"https://{HOST}/prod/%40connections/R0oXAdfD0kwCH6w%3D", {}, b"hello " * 40)


def put_item() -> tuple[str, str, dict[str, str], bytes]:
    """The same of a PutItem."""
    body = json.dumps({"TableName": "Messages", "Item": {"id": {"S": "1"}, "text": {"S": "hello " * 40}}}).encode()
    headers = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
    return _signed("dynamodb", f"https://dynamodb.{REGION}.amazonaws.com/", headers, body)


def _signed(service: str, url: str, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, str], bytes]:
    request = AWSRequest("POST", url, data=body, headers={"User-Agent": USER_AGENT, **headers})
    SigV4Auth(Credentials(KEY.access_key_id, KEY.secret_access_key, KEY.session_token), service, REGION).add_auth(
        request
    )
    sent = {"Host": url.split("/")[2], "Accept-Encoding": "identity", **dict(request.headers.items())}
    return "POST", "/" + url.split("/", 3)[3], {**sent, "Content-Length": str(len(body))}, body


def milliseconds(work: Callable[[], object], count: int) -> list[float]:
    """The processor time of each of ``count`` runs, warm."""
    times = []
    for number in range(count + 50):
        began = time.thread_time()
        work()
        if number >= 50:
            times.append((time.thread_time() - began) * 1000)
    return times


@click.command()
@click.option("--count", default=3000, show_default=True, help="Calls measured of each kind.")
def main(count: int) -> None:
    """Measures verifications."""
    verifier = Verifier({KEY.access_key_id: KEY}.get, lambda: int(time.time() * 1000))
    for name, call in (("PostToConnection", post()), ("PutItem", put_item())):

        def verify(call: tuple[str, str, dict[str, str], bytes] = call) -> KnownKey:
            method, target, headers, body = call
            head = SignableRequest.of(method, target, headers.items())
            verifier.recognise(head)
            return verifier.verify(head.with_body(body))

        assert verify() is KEY
        times = milliseconds(verify, count)
        click.echo(f"{name}: median {statistics.median(times):.4f} ms, least {min(times):.4f} ms")


if __name__ == "__main__":
    main()
