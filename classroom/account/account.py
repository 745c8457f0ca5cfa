"""The learner's part of an AWS account: its names, its tags, its clients.

Every other module that builds or deletes takes an ``Account``; none makes
clients or names of its own. It does not know what is in the account.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import boto3

from classroom.account.target import Target

COURSE = "serverless-chat"
STAGE_NAME = "prod"
TABLES = ("ChatMessages", "ChatConnections", "ChatSessions")


class Account:
    """Names, tags and boto3 clients of one learner on one target."""

    def __init__(self, target: Target):
        self.target = target
        self._clients: dict[str, Any] = {}

    @property
    def prefix(self) -> str:
        return self.target.prefix

    def name(self, short: str) -> str:
        """The full name of a resource, such as ``lab-ChatMessages`` for ``ChatMessages``."""
        return f"{self.prefix}-{short}"

    @cached_property
    def bucket(self) -> str:
        """The bucket for deployment packages. Bucket names are shared by all accounts of the world."""
        return self.name(f"chat-{self.target.account_id}-{self.target.region}")

    @property
    def tags(self) -> dict[str, str]:
        """The tags of everything that the course creates; clean-up touches nothing without them."""
        return {"course": COURSE, "owner": self.prefix}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The same tags in the form that DynamoDB, IAM and CloudFormation take."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once."""
        if service not in self._clients:
            self._clients[service] = boto3.client(service)
        return self._clients[service]

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """All items of a paginated operation, in one list."""
        pages = self.client(service).get_paginator(operation).paginate(**arguments)
        return [item for page in pages for item in page.get(key, ())]
