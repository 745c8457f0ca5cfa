"""What evaluating policies costs a call: ``python -m tests.benchmarks.permissions``.

Roles as courses and samples have them, in an account of moto's; each call is
decided as the stage decides it, from the bytes of the request, its reading included. The promise is
0.3 ms a call (median).
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import click

from localstage.door.call import AwsCall
from localstage.door.identities import Identities, KnownKeys
from localstage.door.permissions import Permissions
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey
from localstage.services.facts import AccountFacts
from localstage.services.needs import needs_of

ACCOUNT, REGION = "123456789012", "us-east-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"
LEAST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/send:*",
        },
        {"Effect": "Allow", "Action": ["dynamodb:Scan", "dynamodb:DeleteItem"], "Resource": f"{TABLE}/Connections"},
        {
            "Effect": "Allow",
            "Action": "dynamodb:PutItem",
            "Resource": f"{TABLE}/Messages",
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "*"}},
        },
        {
            "Effect": "Allow",
            "Action": "execute-api:ManageConnections",
            "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*/prod/POST/@connections/*",
        },
    ],
}
FULL = (
    "AmazonDynamoDBFullAccess",
    "AmazonAPIGatewayInvokeFullAccess",
    "CloudWatchLogsFullAccess",
    "AWSLambda_FullAccess",
    "ReadOnlyAccess",
)


def roles(count: int) -> tuple[str, str]:
    """Makes an account with ``count`` roles; returns the ARNs of a narrow and of a wide one."""
    from localstage.services import iam

    iam.extend()
    from moto.iam.models import iam_backends

    backend = iam_backends[ACCOUNT]["aws"]
    for number in range(count):
        backend.create_role(f"role-{number}", json.dumps(TRUST), "/", None, "", [], "3600")
    narrow, wide = f"role-{count - 2}", f"role-{count - 1}"
    backend.put_role_policy(narrow, "own", json.dumps(LEAST))
    for name in FULL:
        backend.attach_role_policy(f"arn:aws:iam::aws:policy/{name}", wide)
    return tuple(f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in (narrow, wide))  # type: ignore[return-value]


def put_item(key: KnownKey) -> AwsCall:
    """A PutItem as boto3 sends it."""
    item = {"room_id": {"S": "lobby"}, "timestamp": {"N": "1"}, "text": {"S": "hello " * 40}}
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.PutItem",
        "Content-Type": "application/x-amz-json-1.0",
        "Host": f"dynamodb.{REGION}.amazonaws.com",
        "User-Agent": "Boto3/1.43 Python/3.13",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key.access_key_id}/20260101/{REGION}/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    body = json.dumps({"TableName": "Messages", "Item": item}).encode()
    call = AwsCall(SignableRequest.of("POST", "/", headers.items(), body), headers.items(), source_ip="127.0.0.1")
    call.signer = key
    return call


def milliseconds(work: Callable[[], object], count: int) -> list[float]:
    """How long each of ``count`` runs takes, warm."""
    for _ in range(50):
        work()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return times


@click.command()
@click.option("--count", default=3000, show_default=True, help="Decisions measured of each kind.")
@click.option("--roles", "role_count", default=60, show_default=True, help="Roles in the account.")
def main(count: int, role_count: int) -> None:
    """Measures decisions."""
    from localstage.services.iam import reader

    identities = Identities()
    permissions = Permissions(ACCOUNT, lambda: 1_767_225_600_000, identities, AccountFacts(ACCOUNT), needs_of)
    keys = KnownKeys(ACCOUNT, identities)
    callers = dict(zip(("least privilege", "full access, 5 managed policies"), roles(role_count), strict=True))
    identities.publish(reader.identities())
    connection = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc/prod/POST/@connections/R0oXAdfD0kwCH6w="

    def show(what: str, work: Callable[[], object]) -> None:
        times = milliseconds(work, count)
        click.echo(
            f"{what}: median {statistics.median(times):.3f} ms, "
            f"95th percentile {statistics.quantiles(times, n=20)[-1]:.3f} ms"
        )

    def decide(key: KnownKey) -> object:
        return permissions.check(put_item(key))

    for name, role in callers.items():
        key = keys.of_function(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:send", role)
        assert decide(key) is None
        show(f"PutItem, {name}", lambda: decide(key))
        show(
            f"PostToConnection, {name}",
            lambda: permissions.denial_of_execute_api(key, "execute-api:ManageConnections", connection, "127.0.0.1"),
        )


if __name__ == "__main__":
    main()
