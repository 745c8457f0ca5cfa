"""botocore's table of endpoints as it is read here: what json.load makes of it, a service at a time."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.regions
import pytest

from localstage.functions.endpoints import read_endpoints

FILE = Path(botocore.loaders.Loader.BUILTIN_DATA_PATH, "endpoints.json")
TEXT = """{
  "partitions" : [ {
    "partition" : "aws",
    "regions" : {
      "here" : { }
    },
    "services" : {
      "iam" : {
        "endpoints" : {
          "here" : { }
        }
      },
      "sqs" : {
        "endpoints" : { }
      }
    }
  }, {
    "partition" : "aws-cn",
    "regions" : { },
    "services" : {
      "iam" : {
        "endpoints" : {
          "there" : { }
        }
      }
    }
  } ],
  "version" : 3
}"""
"""A table in the layout of botocore's."""
SMALL = json.loads(TEXT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "endpoints.json"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    "taken",
    [
        dict,
        dict.copy,
        copy.copy,
        copy.deepcopy,
        lambda services: {**services},
        lambda services: services | {},
        lambda services: {} | services,
        lambda services: services.copy(),
        lambda services: dict(services.items()),
        lambda services: dict(zip(services, services.values(), strict=True)),
        lambda services: {name: services.get(name) for name in services},
        lambda services: {name: services.pop(name) for name in list(services)},
        lambda services: json.loads(json.dumps(services)),
        lambda services: eval(repr(services)),
    ],
)
def test_services_when_they_are_taken_at_once(file: Path, taken: Callable[[Any], Any]):
    """However somebody takes all services of a partition, they are those of the file."""
    for partition, own in zip(read_endpoints(str(file))["partitions"], SMALL["partitions"], strict=True):
        assert taken(partition["services"]) == own["services"]


def test_table_when_it_is_compared():
    """It equals what json.load reads, in the same order."""
    ours, own = read_endpoints(str(FILE)), json.loads(FILE.read_bytes())
    assert ours == own
    assert json.dumps(ours) == json.dumps(own)


def test_endpoints_when_they_are_resolved():
    """botocore resolves each service in each region as it does with its own table."""
    own = botocore.regions.EndpointResolver(json.loads(FILE.read_bytes()))
    ours = botocore.regions.EndpointResolver(read_endpoints(str(FILE)))
    assert ours.get_available_partitions() == own.get_available_partitions()
    for partition in own.get_available_partitions():
        for service in ("dynamodb", "execute-api", "iam", "lambda", "s3", "sts", "no-such-service"):
            regions = own.get_available_endpoints(service, partition, allow_non_regional=True)
            assert ours.get_available_endpoints(service, partition, allow_non_regional=True) == regions
            for region in regions:
                assert ours.construct_endpoint(service, region) == own.construct_endpoint(service, region)


def test_service_when_another_cannot_be_read(tmp_path: Path):
    """Of the file that botocore brings a service is read alone: what is wrong with another one does not matter to it."""
    text = FILE.read_text()
    broken = text.replace('\n      "acm" : {', '\n      "acm" : { oh', 1)
    assert broken != text
    file = tmp_path / "endpoints.json"
    file.write_text(broken)
    services = read_endpoints(str(file))["partitions"][0]["services"]
    assert services["iam"] == json.loads(text)["partitions"][0]["services"]["iam"]
    assert "acm" in services
    with pytest.raises(ValueError, match="Expecting"):
        services["acm"]


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_table_when_it_is_laid_out_otherwise(file: Path, indent: int | None):
    """Whatever the layout, all is there."""
    file.write_text(json.dumps(SMALL, indent=indent))
    assert read_endpoints(str(file)) == SMALL


def test_service_when_the_file_has_been_replaced(file: Path):
    """A service that is asked for after another botocore was installed is what that one says of it."""
    first, second = read_endpoints(str(file))["partitions"]
    before = first["services"]["iam"]
    file.write_text(TEXT.replace("there", "yonder").replace("aws-cn", "aws-china").replace("sqs", "sns"))
    assert first["services"]["iam"] is before
    assert second["services"]["iam"] == {"endpoints": {"yonder": {}}}
    with pytest.raises(KeyError):
        first["services"]["sqs"]


def test_services_when_they_are_changed(file: Path):
    """They can be written and taken away as in any dictionary; one that is not there is not there."""
    services = read_endpoints(str(file))["partitions"][0]["services"]
    services["mine"] = {"endpoints": {}}
    del services["iam"]
    assert services["mine"] == {"endpoints": {}}
    assert "iam" not in services
    assert services.get("iam") is None
    with pytest.raises(KeyError):
        services["iam"]
