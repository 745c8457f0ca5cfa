"""A start with a moto that is not the one localstage takes hold of."""

from __future__ import annotations

import subprocess
import sys

import pytest

from localstage.door import seams
from localstage.state import READY

CHANGED = """
from localstage.door import seams
seams.USED = (*seams.USED, "moto.iam.models:IAMBackend._keeps_no_such_thing")
{known}
from localstage.serving import serve
from localstage.settings import Settings
raise SystemExit(serve(Settings(port=0)))
"""


@pytest.mark.parametrize("known", ["seams.MOTO = '5.1.9'", ""], ids=["another release", "the known release"])
def test_start_when_moto_has_changed(known: str):
    """One sentence says what moto lacks and which moto is needed; with another release nothing is started before."""
    code = CHANGED.format(known=known)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert ended.stdout.startswith(READY) if not known else ended.stdout == ""
    [sentence] = ended.stderr.splitlines()
    needed = "5.1.9" if known else seams.MOTO
    assert sentence == (
        f"localstage: moto {seams.MOTO} no longer has moto.iam.models.IAMBackend._keeps_no_such_thing: "
        f"localstage needs moto {needed}."
    )


STACKS = """
import sys
from localstage import stacks
stacks.extend(None, None, (), None)
before = "moto.ec2" in sys.modules
from moto.cloudformation.models import OutputMap
from moto.cloudformation.parsing import get_model_map
print(before, type(OutputMap({}, {}, "id")).__name__, "AWS::EC2::VPC" in get_model_map())
"""


def test_stacks_when_no_type_of_motos_is_used():
    """moto's data of thirty services is not loaded with the stack engine, and is there for who asks for its types."""
    ended = subprocess.run([sys.executable, "-c", STACKS], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "False OutputMap True\n"), ended.stderr


WITHOUT = """
import sys
from localstage.door.moto import MotoServer
MotoServer(None, None).load()
before = [name for name in ("charset_normalizer", "s3transfer.manager") if name in sys.modules]
import boto3, requests
answer = requests.Response()
answer._content = "Straße in Köln, für Gäste, die früh aufstehen müssen".encode()
upload = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b").upload_file
print(before, answer.apparent_encoding, upload.__name__, "s3transfer.manager" in sys.modules)
"""


def test_start_when_nobody_guesses_encodings_or_uploads_files():
    """What moto's libraries need for that is not loaded with them, and is there, without a warning, when it is used."""
    ended = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[] utf-8 upload_file True\n", "")


PARAMETERS = """
import sys
from localstage.door.moto import MotoServer
server = MotoServer(None, None)
server.load()
server._application("ssm")
from moto.ssm.models import ssm_backends
before = "moto.ec2" in sys.modules
targets = [{"Key": "tag:Name", "Values": ["chat"]}]
others = dict.fromkeys(("comment", "max_concurrency", "max_errors", "notification_config", "output_s3_bucket_name"))
others |= dict.fromkeys(("output_s3_key_prefix", "output_s3_region", "parameters", "service_role_arn"))
sent = ssm_backends["123456789012"]["us-east-1"].send_command(
    document_name="AWS-RunShellScript", timeout_seconds=60, instance_ids=[], targets=targets, **others
)
print(before, sent.instance_ids, "moto.ec2" in sys.modules)
"""


def test_parameters_when_no_command_is_sent():
    """moto's EC2 is not loaded with its parameters, and is there for a command to the instances that have a tag."""
    ended = subprocess.run([sys.executable, "-c", PARAMETERS], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "False [] True\n"), ended.stderr


SERVERLESS = """
import json, sys
from localstage.stacks.template import read_template, transformed
TYPES = "samtranslator.internal.schema_source.aws_serverless_function"
def function(**properties):
    body = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Chat": {"Type": "AWS::Serverless::Function",
        "Properties": {"Runtime": "python3.13", "Handler": "a.b", "InlineCode": "c", **properties}}}}
    made = transformed(read_template(json.dumps(body)), {}, "us-east-1").resources["Chat"]["Properties"]
    return made.get("CapacityProviderConfig"), TYPES in sys.modules
print(function())
print(function(CapacityProviderConfig={"Arn": "arn:aws:lambda:us-east-1:123456789012:capacity-provider:c"}))
"""


def test_sam_template_when_no_property_has_a_type_of_its_own():
    """The types of a SAM function's properties are not loaded with SAM, and are there for the one that needs them."""
    ended = subprocess.run([sys.executable, "-c", SERVERLESS], capture_output=True, text=True, timeout=120, check=False)
    first, second = ended.stdout.splitlines() or ["", ended.stderr]
    assert first == "(None, False)"
    assert second.endswith("capacity-provider:c'}}, True)")


REGIONS = """
import botocore.loaders, botocore.session
from localstage.door.moto import MotoServer
MotoServer(None, None).load()
read = []
class Files(botocore.loaders.JSONFileLoader):
    def _load_file(self, *which):
        read.append(which)
        return super()._load_file(*which)
botocore.loaders.Loader.FILE_LOADER_CLASS = Files
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
botocore.loaders.Loader.FILE_LOADER_CLASS = botocore.loaders.JSONFileLoader
session = botocore.session.Session()
partitions = session.get_available_partitions()[:3]
expected = {region for name in partitions for region in session.get_available_regions("ec2", partition_name=name)}
print(read, {region.name for region in RegionsAndZonesBackend.regions} == expected, len(expected) > 30)
"""


def test_regions_when_motos_ec2_is_loaded():
    """It has all regions of botocore's, and no file is read for them by a session of its own."""
    ended = subprocess.run([sys.executable, "-c", REGIONS], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "[] True True\n"), ended.stderr
