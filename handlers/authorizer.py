"""The authorizer of $connect: lets in whoever brings a good token.

API Gateway asks it once for each connection, before $connect. Its answer is a policy about that
one call, and a context that comes with every later event of the connection, so that no function
has to believe what a client says of itself.

| token | the client sees | decided by |
|---|---|---|
| good | 101, connected | this function: Allow |
| expired, changed, made with another secret | 403 | this function: Deny |
| missing | 401 | API Gateway: the identity source is empty, this function is not even called |

The secret is an environment variable, which everybody sees who may read the function's settings.
In a real system keep it in Secrets Manager, read it once for each execution environment, and let
the function's role alone have secretsmanager:GetSecretValue.
"""

import os
import time

from log import log
from tokens import BadToken, read_token

secret = os.environ["TOKEN_SECRET"]


def lambda_handler(event, context):
    # In the query string because a browser's WebSocket cannot send headers of one's own. A URL ends up
    # in more places than a header (logs, histories), which is one more reason for tokens to be short-lived.
    token = event["queryStringParameters"]["token"]
    try:
        name = read_token(token, time.time(), secret)
    except BadToken as bad:
        log("turned away", event["requestContext"], why=str(bad))
        return answer("nobody", "Deny", event["methodArn"])
    log("let in", event["requestContext"])
    return answer(name, "Allow", event["methodArn"], {"name": name})


def answer(principal, effect, method_arn, about=None):
    """Return what API Gateway wants: who it is, a policy, and what later events shall know."""
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": method_arn}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": about or {},
    }
