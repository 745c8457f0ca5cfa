"""The chat, tested on localstage: real sockets, the function as it is deployed, no AWS account."""

from pathlib import Path

import boto3

TEMPLATE = Path(__file__).with_name("template.yaml")


def test_chat_when_two_are_there(localstage):
    url = localstage.deploy(TEMPLATE)
    ann, bob = localstage.connect(url), localstage.connect(url)
    ann.send("hello")
    assert (ann.recv(timeout=30), bob.recv(timeout=30)) == ("hello", "hello")


def test_account_when_another_test_has_used_it(localstage):
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []
