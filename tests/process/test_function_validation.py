"""Configurations and packages that Lambda refuses when a function is created or changed."""

from __future__ import annotations

import pytest
from moto.awslambda.exceptions import LambdaClientError

from localstage.services.awslambda.models import check_configuration, check_zip
from tests.stage.target import package


@pytest.mark.parametrize(
    ("variables", "code", "says"),
    [
        ({"A=B": "x"}, "ValidationException", "[a-zA-Z]([a-zA-Z0-9_])+"),
        ({"": "x"}, "ValidationException", "Map keys"),
        ({"1A": "x"}, "ValidationException", "Map keys"),
        ({"A": "x"}, "ValidationException", "Map keys"),
        ({"_HANDLER": "x"}, "ValidationException", "Map keys"),
        (
            {"TABLE": "x", "AWS_REGION": "x", "AWS_ACCESS_KEY_ID": "y"},
            "InvalidParameterValueException",
            "Reserved keys used in this request: AWS_ACCESS_KEY_ID, AWS_REGION",
        ),
        ({"LONG": "x" * 4097}, "InvalidParameterValueException", "exceeded the 4KB limit"),
        ({"TABLE": "a\0b"}, "InvalidParameterValueException", "TABLE has a NUL"),
    ],
)
def test_variables_when_lambda_does_not_take_them(variables: dict[str, str], code: str, says: str):
    """Names that are none or reserved, too much, and what no process could be given are refused by name."""
    with pytest.raises(LambdaClientError) as refused:
        check_configuration({"Environment": {"Variables": variables}}, "f")
    assert refused.value.error_type == code
    assert says in str(refused.value.message)


def test_variables_when_lambda_takes_them():
    """Ordinary names, also those that only look reserved, and a configuration without any."""
    for variables in ({"TABLE": "x", "AWS_LAMBDA_EXEC_WRAPPER": "y", "tz": "Ω" * 1_000}, {}, None):
        check_configuration({"Environment": {"Variables": variables}, "Timeout": 3}, "f")
    check_configuration({"Environment": None}, "f")


def test_package_when_it_is_no_zip():
    """What cannot be opened as a zip is refused with AWS's sentence; a zip is not."""
    check_zip(package("x = 1"))
    for broken in (b"", b"no zip", package("x = 1")[:-10]):
        with pytest.raises(LambdaClientError, match="Could not unzip uploaded file"):
            check_zip(broken)
