"""A client that waits for ``100 Continue`` before it sends its body, as the SDK for JavaScript does."""

from __future__ import annotations

import socket
import uuid
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localstage import LocalStage


def test_upload_when_the_client_waits_to_be_told_to_go_on(stage: LocalStage, aws):
    """The client is told once to go on; what comes after its body is the answer, and nothing else."""
    bucket, body = f"test-{uuid.uuid4().hex[:12]}", b"x" * 1000
    s3 = aws("s3")
    s3.create_bucket(Bucket=bucket)
    settings, where = stage.changes().settings, urlsplit(stage.url)
    request = AWSRequest("PUT", f"{stage.url}/{bucket}/key", data=body, headers={"Host": where.netloc})
    S3SigV4Auth(
        Credentials(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]), "s3", "us-east-1"
    ).add_auth(request)
    headers = {**dict(request.headers), "Content-Length": str(len(body)), "Expect": "100-continue"}
    lines = [f"PUT /{bucket}/key HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    with socket.create_connection((where.hostname, where.port), timeout=90) as line:
        line.sendall("\r\n".join(lines).encode())
        assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body)
        assert line.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    assert s3.head_object(Bucket=bucket, Key="key")["ContentLength"] == len(body)
