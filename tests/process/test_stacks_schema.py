"""What reading a resource type's schema imports."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from localstage.stacks.schema import find_schema

assert find_schema("us-east-1", "AWS::S3::Bucket").tag_property == "Tags"
assert not {"cfnlint", "sympy", "networkx"} & sys.modules.keys()
import cfnlint.api
assert cfnlint.helpers.REGIONS and "sympy" in sys.modules
assert find_schema("us-east-1", "AWS::SQS::Queue").tag_property == "Tags"
"""


def test_schema_when_it_is_read():
    """A schema is read without the rest of cfn-lint, which a program can import whole afterwards."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, text=True, capture_output=True, timeout=180, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
