"""The environment for programs: no way past the stage."""

import pytest

from localstage.environment import Access, changes_for
from localstage.port.hosts import is_aws_host, split_authority

ACCESS = Access("http://127.0.0.1:4580", "us-east-1", "AKIA", "secret", "/w/ca.pem", "/w/config", "/w/credentials")


def test_environment_when_the_user_has_other_ways():
    """Profiles, endpoints, ignored endpoints and proxy exceptions of the user lead nowhere."""
    users = {
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.us-east-1.amazonaws.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_SESSION_TOKEN": "t",
        "PATH": "/bin",
        "NO_PROXY": "corp.example, .amazonaws.com,*,com",
    }
    changed = changes_for(ACCESS, users).applied_to(users)
    assert not {
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_SESSION_TOKEN",
    } & set(changed)
    assert changed["NO_PROXY"] == changed["no_proxy"] == "127.0.0.1,localhost,::1,corp.example"
    assert (changed["PATH"], changed["AWS_ENDPOINT_URL"]) == ("/bin", ACCESS.url)


def test_environment_when_as_aws():
    """As AWS there is no endpoint: the proxy and CA variables alone lead to the stage."""
    users = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    changed = changes_for(ACCESS, users, as_aws=True).applied_to(users)
    assert not [name for name in changed if name.startswith("AWS_ENDPOINT_URL")]
    assert changed["HTTPS_PROXY"] == ACCESS.url
    assert changed["AWS_CA_BUNDLE"] == changed["WEBSOCKET_CLIENT_CA_BUNDLE"] == ACCESS.ca_bundle


@pytest.mark.parametrize(
    ("host", "aws"),
    [
        ("dynamodb.us-east-1.amazonaws.com", True),
        ("123456789012.ddb.us-east-1.amazonaws.com", True),
        ("lambda.us-east-1.api.aws", True),
        ("ec2.cn-north-1.amazonaws.com.cn", True),
        ("AMAZONAWS.COM.", True),
        ("pypi.org", False),
        ("notamazonaws.com", False),
        ("amazonaws.com.evil.example", False),
    ],
)
def test_aws_host_when_asked(host, aws):
    """AWS's API hosts are told from others by their suffix."""
    assert is_aws_host(host) is aws


@pytest.mark.parametrize("authority", ["", "host", "host:", ":443", "host:0", "host:99999", "host:x"])
def test_authority_when_malformed(authority):
    """A CONNECT target that is not host:port is refused."""
    with pytest.raises(ValueError):
        split_authority(authority)
