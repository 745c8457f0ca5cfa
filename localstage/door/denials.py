"""A denial with its codes, for the answer in the protocol of the service.

AWS: each service's "Common errors" name the code; issue threads of boto3 and
Terraform show SNS's and SQS's. How it is put on the wire: signatures/answers.py.
"""

from __future__ import annotations

from localstage.door.signatures.refusals import CallRefused
from localstage.policy.decision import Decision
from localstage.policy.principal import Principal
from localstage.policy.sentences import denial

_QUERY_COMPATIBLE = {"sqs", "monitoring"}
"""Services whose JSON answers name the query protocol's code, which botocore then shows.

Guess: their status, which is 400 here as of every JSON answer.
"""


class AccessDenied(CallRefused):
    """A known caller asks for what no policy grants, or what one denies."""

    json_code = "AccessDeniedException"
    query_code = s3_code = "AccessDenied"
    ec2_code, ec2_status = "UnauthorizedOperation", 403

    def __init__(self, principal: Principal, decision: Decision, service: str):
        sentence = denial(principal, decision)
        super().__init__(sentence)
        self.ec2_message = "You are not authorized to perform this operation. " + sentence
        if service == "sns":
            self.query_code = "AuthorizationError"
        if service in _QUERY_COMPATIBLE:
            self.headers = {"x-amzn-query-error": "AccessDenied;Sender"}
