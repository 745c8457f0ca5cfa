"""Where the stage tier's AWS calls go: one account, emptied before each test.

Tests know only ``aws(service)``, a boto3 client; what stands behind it is
decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from localstage.account import apigatewayv2


@pytest.fixture(scope="session")
def account_url() -> Iterator[str]:
    """The URL of an AWS account that is served in this process."""
    apigatewayv2.extend()
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app))
    thread = Thread(target=server.serve_forever, name="account")
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


@pytest.fixture
def aws(account_url: str) -> Callable[[str], Any]:
    """A callable that gives a boto3 client of the empty account by service name."""
    BackendDict.reset()
    session = boto3.Session("testing", "testing", region_name="us-east-1")

    def client(service: str) -> Any:
        return session.client(
            service,
            endpoint_url=account_url,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )

    return client
