"""Configurations and packages that Lambda refuses when a function is created or changed."""

from __future__ import annotations

import io
import stat
import zipfile

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


def zip_with(name: str, content: str, mode: int = 0o644, size: int | None = None) -> bytes:
    """A zip of one member; ``size`` is what its table of contents says of it, in place of the truth."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, content)
        member.file_size = size or member.file_size
    return buffer.getvalue()


LINK = stat.S_IFLNK | 0o777


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (zip_with("../evil.py", "x"), "'../evil.py' leads out of the package"),
        (zip_with("a/../../evil.py", "x"), "leads out of the package"),
        (zip_with("/etc/cron.d/evil", "x"), "'/etc/cron.d/evil' leads out of the package"),
        (zip_with("C:/evil", "x"), "leads out of the package"),
        (zip_with("keys", "/etc/passwd", LINK), "'keys' links to '/etc/passwd', out of the package"),
        (zip_with("a/keys", "../../.aws", LINK), "links to '../../.aws', out of the package"),
        (zip_with("bomb", "x", size=262_144_001), "Unzipped size must be smaller than 262144000 bytes"),
        (zip_with("link", "a\0b", LINK), "Could not unzip uploaded file"),
    ],
    ids=("up", "up-inside", "absolute", "drive", "link", "link-up", "bomb", "nul"),
)
def test_package_when_it_leads_out_or_is_a_bomb(archive: bytes, says: str):
    """What would not be unpacked is refused where it is uploaded, by name."""
    with pytest.raises(LambdaClientError) as refused:
        check_zip(archive)
    assert refused.value.error_type == "InvalidParameterValueException"
    assert says in str(refused.value.message)


def test_package_when_its_links_stay_inside():
    """Links as npm makes them, up and down again within the package, are taken."""
    check_zip(zip_with("node_modules/.bin/tool", "../tool/cli.js", LINK))
    check_zip(zip_with("here", ".", LINK))
