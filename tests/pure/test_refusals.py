"""Refusals on the wire, in the protocol of the call that is refused."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import pytest

from localstage.door.answers import answer_to
from localstage.door.call import Answer, AwsCall
from localstage.door.permissions import AccessDenied
from localstage.door.refusal import Refusal
from localstage.door.signatures import refusals
from localstage.door.signatures.request import SignableRequest
from localstage.policy.decision import Decision
from localstage.policy.document import Need
from tests.pure.permission_cases import ALICE, signed_call

JSON = {"Content-Type": "application/x-amz-json-1.0"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CALLS = {
    "json": signed_call("dynamodb", "POST", "/", {"X-Amz-Target": "DynamoDB_20120810.Scan", **JSON}, b"{}"),
    "rest-json": signed_call("lambda", "GET", "/2015-03-31/functions/", {}),
    "query": signed_call("iam", "POST", "/", FORM, b"Action=ListUsers&Version=2010-05-08"),
    "ec2": signed_call("ec2", "POST", "/", FORM, b"Action=DescribeVpcs&Version=2016-11-15"),
    "s3": signed_call("s3", "GET", "/bucket/key", {}),
    "rest-xml": signed_call("route53", "GET", "/2013-04-01/hostedzone", {}),
    "cbor": signed_call(
        "monitoring", "POST", "/service/G/operation/ListMetrics", {"Smithy-Protocol": "rpc-v2-cbor"}, b"\xa0"
    ),
}


def errortype(answer: Answer) -> str:
    """The code in the header where botocore looks for it first."""
    return {name.lower(): value for name, value in answer.headers}.get("x-amzn-errortype", "")


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [
        ("json", 400, "UnrecognizedClientException"),
        ("rest-json", 403, "UnrecognizedClientException"),
        ("query", 403, "InvalidClientTokenId"),
        ("rest-xml", 403, "InvalidClientTokenId"),
        ("ec2", 401, "AuthFailure"),
        ("s3", 403, "InvalidAccessKeyId"),
        ("cbor", 400, "UnrecognizedClientException"),
    ],
)
def test_answer_when_a_key_is_unknown(protocol: str, status: int, code: str):
    """Each protocol has its own status, code and form for the same refusal, and an id of the request."""
    answer = answer_to(refusals.UnknownKey("AKIAX"), CALLS[protocol])
    names = {name.lower() for name, _ in answer.headers}
    assert answer.status == status
    assert names & {"x-amzn-requestid", "x-amz-request-id"}
    if protocol.endswith("json"):
        assert errortype(answer) == code
        assert json.loads(answer.body)["message"] == "The security token included in the request is invalid."
    elif protocol == "cbor":
        assert code.encode() in answer.body
    else:
        found = xml.etree.ElementTree.fromstring(answer.body)
        assert [element.text for element in found.iter() if element.tag.endswith("Code")] == [code]


def test_answer_when_a_rest_service_refuses():
    """The body of a REST service has the sentence only: the code is in the header."""
    answer = answer_to(Refusal("TooManyRequestsException", "Too Many Requests", 429), CALLS["rest-json"], "rest-json")
    assert (answer.status, errortype(answer)) == (429, "TooManyRequestsException")
    assert json.loads(answer.body) == {"message": "Too Many Requests"}


def test_answer_when_the_model_names_the_error():
    """What the service's model says of an error stands in it: Lambda's say whose fault it is."""
    answer = answer_to(Refusal("ResourceNotFoundException", "Function not found: f", 404), CALLS["rest-json"])
    assert answer.status == 404
    assert json.loads(answer.body) == {
        "Type": "User",
        "Message": "Function not found: f",
        "message": "Function not found: f",
    }


@pytest.mark.parametrize(
    ("service", "target", "error"),
    [
        ("sqs", "AmazonSQS.SendMessage", "AccessDenied;Sender"),
        ("monitoring", "GraniteServiceVersion20100801.ListMetrics", "AccessDenied;Sender"),
        ("dynamodb", "DynamoDB_20120810.Scan", None),
    ],
)
def test_answer_when_a_service_once_spoke_the_query_protocol(service: str, target: str, error: str | None):
    """A denial of SQS or CloudWatch has the code of their query protocol in a header, which botocore shows."""
    denied = AccessDenied(ALICE, Decision(Need(f"{service}:X", "*", {}), False), service)
    answer = answer_to(denied, signed_call(service, "POST", "/", {"X-Amz-Target": target, **JSON}, b"{}"))
    assert dict(answer.headers).get("x-amzn-query-error") == error
    assert (answer.status, errortype(answer)) == (400, "AccessDeniedException")


def test_answer_when_sns_denies():
    """SNS has a code of its own for a denial."""
    denied = AccessDenied(ALICE, Decision(Need("sns:Publish", "*", {}), False), "sns")
    answer = answer_to(denied, signed_call("sns", "POST", "/", FORM, b"Action=Publish&Version=2010-03-31"))
    assert (answer.status, b"<Code>AuthorizationError</Code>" in answer.body) == (403, True)


def test_answer_when_the_canonical_string_holds_markup():
    """What a caller sends comes back escaped in XML, and what XML cannot hold as a question mark."""
    answer = answer_to(refusals.SignatureMismatch("AKIA", "<script>\x00", "b"), CALLS["s3"])
    found = xml.etree.ElementTree.fromstring(answer.body)
    assert (found.findtext("Code"), found.findtext("CanonicalRequest")) == ("SignatureDoesNotMatch", "<script>?")


def test_answer_when_it_is_asked_for_the_head_only():
    """The answer to HEAD has no body and says nothing of its type."""
    answer = answer_to(refusals.MissingToken(), signed_call("s3", "HEAD", "/bucket", {}))
    assert (answer.status, answer.body) == (403, b"")
    assert "content-type" not in {name.lower() for name, _ in answer.headers}


@pytest.mark.parametrize(
    ("target", "headers", "body", "code"),
    [
        ("/", {"X-Amz-Target": "DynamoDB_20120810.Scan"}, b"{}", "MissingAuthenticationTokenException"),
        ("/", FORM, b"Action=ListUsers", "MissingAuthenticationToken"),
        ("/2015-03-31/functions/", {}, b"", "MissingAuthenticationTokenException"),
        ("/anything", {"Host": "x.execute-api.us-east-1.amazonaws.com"}, b"", "MissingAuthenticationTokenException"),
        ("/bucket/key", {}, b"", "AccessDenied"),
    ],
)
def test_answer_when_nothing_says_whose_service_it_is(target: str, headers: dict, body: bytes, code: str):
    """An unsigned call is answered in the protocol that it looks like; what looks like none, as S3 does."""
    request = SignableRequest.of("POST", target, {"Host": "127.0.0.1", **headers}.items(), body)
    assert code.encode() in str(answer_to(refusals.MissingToken(), AwsCall(request))).encode()
