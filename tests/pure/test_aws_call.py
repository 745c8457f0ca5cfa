"""How an AWS API call is read: as moto reads it, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.datastructures import Headers

from localstage.door.call import CALL, AwsCall
from localstage.door.signatures.request import SignableRequest
from tests.pure.permission_cases import signed_call

JSON = {"Content-Type": "application/x-amz-json-1.0"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("call", "read"),
    [
        (
            signed_call(
                "dynamodb", "POST", "/", {"X-Amz-Target": "DynamoDB_20120810.GetItem", **JSON}, b'{"TableName": "T"}'
            ),
            ("dynamodb", "json", "GetItem", {"TableName": "T"}),
        ),
        (
            signed_call("iam", "POST", "/", FORM, b"Action=CreateRole&RoleName=r&Tags.member.1.Key=k"),
            ("iam", "query", "CreateRole", {"RoleName": "r", "Tags": [{"Key": "k"}]}),
        ),
        (
            signed_call("sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {}),
            ("sts", "query", "GetCallerIdentity", {}),
        ),
        (
            signed_call("lambda", "PUT", "/2015-03-31/functions/arn%3Aaws%3Af/code", {}, b'{"S3Key": "k"}'),
            ("awslambda", "rest-json", "UpdateFunctionCode", {"S3Key": "k", "FunctionName": "arn:aws:f"}),
        ),
        (
            signed_call("lambda", "GET", "/2015-03-31/functions/f?Qualifier=1", {}),
            ("awslambda", "rest-json", "GetFunction", {"FunctionName": "f", "Qualifier": "1"}),
        ),
        (
            signed_call("apigateway", "POST", "/v2/apis/a1/deployments", {}, b'{"description": "d"}'),
            ("apigateway", "rest-json", "CreateDeployment", {"ApiId": "a1", "Description": "d"}),
        ),
        (
            signed_call("apigateway", "POST", "/restapis/r1/deployments", {}, b'{"description": "d"}'),
            ("apigateway", "rest-json", "CreateDeployment", {"restApiId": "r1", "description": "d"}),
        ),
        (
            signed_call("ec2", "POST", "/", FORM, b"Action=DescribeInstances&InstanceId.1=i&Version=2016-11-15"),
            ("ec2", "ec2", "DescribeInstances", {"InstanceIds": ["i"]}),
        ),
        (signed_call("s3", "GET", "/b?tagging", {}), ("s3", "rest-xml", "GetBucketTagging", {"Bucket": "b"})),
        (
            signed_call("s3", "GET", "/a%2Fb//c", {"Host": "b.s3.amazonaws.com"}),
            ("s3", "rest-xml", "GetObject", {"Bucket": "b", "Key": "a/b//c"}),
        ),
        (
            signed_call("logs", "POST", "/", {"X-Amz-Target": "Logs_20140328.GetLogEvents", **JSON}, b"not json"),
            ("logs", "json", "GetLogEvents", {}),
        ),
        (
            signed_call("monitoring", "POST", "/service/G/operation/ListMetrics", {"Smithy-Protocol": "rpc-v2-cbor"}),
            ("cloudwatch", "smithy-rpc-v2-cbor", "ListMetrics", {}),
        ),
    ],
    ids=lambda value: f"{value.signed_for[1]} {value.raw_path}" if isinstance(value, AwsCall) else "",
)
def test_call_when_it_is_read(call: AwsCall, read: tuple[str, str, str, dict[str, Any]]):
    """A request of each protocol has moto's package, its protocol, AWS's operation and its parameters."""
    backend, protocol, operation, parameters = read
    assert (call.backend, call.operation) == (backend, operation)
    assert call.protocol == protocol
    assert {name: value for name, value in call.parameters.items() if value != {}} == parameters


def test_call_when_it_is_pre_signed():
    """A URL that is signed in its query is read as one that is signed in a header."""
    request = AWSRequest("GET", "http://127.0.0.1:4580/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(Credentials("AKIA", "secret"), "sts", "eu-west-1", expires=60).add_auth(request)
    call = AwsCall(SignableRequest.of("GET", request.url.removeprefix("http://127.0.0.1:4580"), {"Host": "x"}.items()))
    assert (call.region, call.service, call.backend, call.operation) == ("eu-west-1", "sts", "sts", "GetCallerIdentity")


def test_call_when_nobody_signed_it():
    """Cognito's unsigned operations are read as Cognito's; what names no service is S3's, as moto takes it."""
    headers = {"Host": "127.0.0.1", "X-Amz-Target": "AWSCognitoIdentityProviderService.SignUp", **JSON}
    call = AwsCall(SignableRequest.of("POST", "/", headers.items(), b'{"Username": "ann"}'))
    assert (call.service, call.backend, call.operation) == ("", "cognitoidp", "SignUp")
    assert AwsCall(SignableRequest.of("GET", "/b", {"Host": "127.0.0.1"}.items())).backend == "s3"


def test_invocation_when_it_is_signed_for_another_service():
    """Invoke runs a function by its path, so it is Lambda's whatever it was signed for; a POST to S3 stays S3's."""
    path = "/2015-03-31/functions/save/invocations"
    call = signed_call("sqs", "POST", path, {}, b"{}")
    assert (call.service, call.operation, call.text("FunctionName")) == ("lambda", "Invoke", "save")
    assert signed_call("s3", "POST", path, {}).service == "s3"


@pytest.mark.parametrize(
    "call",
    [
        signed_call("dynamodb", "POST", "/", JSON, b"{}"),
        signed_call("dynamodb", "POST", "/", {"X-Amz-Target": "Scan", **JSON}, b"{}"),
        signed_call("iam", "POST", "/", {**FORM, "X-Amz-Target": "X.GetUser"}, b"Action=DeleteUser&UserName=a"),
        signed_call("iam", "POST", "/?UserName=b", FORM, b"Action=DeleteUser&UserName=a"),
        signed_call("lambda", "GET", "/2015-03-31/functions/f?Action=DeleteFunction", {}),
        signed_call("nothing", "GET", "/", {}),
    ],
    ids=["no target", "half a target", "target and form", "parameter twice", "action of a REST service", "no service"],
)
def test_call_when_it_can_be_read_in_two_ways(call: AwsCall):
    """A request that does not say once and plainly what it wants has no operation and no parameters."""
    assert (call.operation, call.parameters) == ("", {})


def test_environ_when_metadata_has_an_underscore():
    """moto is told how S3's metadata names were written, which WSGI forgets; path and query are as sent."""
    call = signed_call("s3", "PUT", "//b/k%20/%2F?x=%20&y", {"X-Amz-Meta-My_Key": "v", "X-Amz-Meta-My-Key": "w"}, b"x")
    environ = call.new_environ()
    assert environ["moto.preserved_header_names"] == {"HTTP_X_AMZ_META_MY_KEY": "X-Amz-Meta-My_Key"}
    assert (environ["RAW_URI"], environ["QUERY_STRING"]) == ("//b/k%20/%2F?x=%20&y", "x=%20&y")
    assert environ["PATH_INFO"] == "//b/k //"
    assert environ["wsgi.input"].read() == call.new_environ()["wsgi.input"].read() == b"x"


def test_environ_when_moto_builds_one_too():
    """It is what moto's own builder makes of the same request, but for what of the target that one loses."""
    from moto.core.request import Request

    sent = {
        "Host": "table.example:8080",
        "Content-Type": "application/json",
        "X-A": "1",
        "x-a": "2",
        "X_B": "3",
        "X-Amz-Meta-a_b": "\xe4",
        "Transfer-Encoding": "chunked",
        "Content-Length": "9",
    }
    for secure in (False, True):
        call = AwsCall(SignableRequest.of("POST", "/", sent.items(), b"abc"), sent.items(), secure=secure)
        made = {name: value for name, value in call.new_environ().items() if name not in ("wsgi.input", CALL)}
        theirs = Request.from_primitives(
            "POST", f"http{'s' * secure}://table.example:8080/", sent_to_moto(sent), b"abc"
        )
        expected = {
            name: theirs.environ[name] for name in theirs.environ if name not in ("wsgi.input", "werkzeug.request")
        }
        assert made == {**expected, "REMOTE_ADDR": "127.0.0.1", "wsgi.input_terminated": True}


def sent_to_moto(sent: dict[str, str]) -> Headers:
    """Headers without the length, which moto's builder takes from the body."""
    return Headers([header for header in sent.items() if header[0] != "Content-Length"])


def test_call_when_its_body_is_no_object():
    """A body that is JSON and no object gives no parameters, whatever it is."""
    for body in (b"[]", b"1", b'"x"', b"null", json.dumps({"Limit": "many"}).encode()):
        headers = {"X-Amz-Target": "DynamoDB_20120810.Scan", **JSON}
        assert not signed_call("dynamodb", "POST", "/", headers, body).parameters
