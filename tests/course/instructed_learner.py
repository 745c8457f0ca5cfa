"""A learner in an account that an instructor has prepared: a session of the role of instructor.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from localstage import LocalStage
from tests.course.test_templates_deployed import TEMPLATES
from tests.stage.target import REGION, StageTarget, ca_of


@dataclass(frozen=True)
class Learner:
    """Credentials of one learner's role, and the boundary that the role demands."""

    stage: LocalStage
    prefix: str
    credentials: dict[str, Any]
    boundary: str

    def client(self, service: str) -> Any:
        """A boto3 client that asks as the learner."""
        session = boto3.Session(
            self.credentials["AccessKeyId"],
            self.credentials["SecretAccessKey"],
            self.credentials["SessionToken"],
            region_name=REGION,
        )
        return session.client(
            service,
            config=Config(proxies={"https": self.stage.url}, retries={"max_attempts": 0}),
            verify=ca_of(self.stage.changes(as_aws=True).settings),
        )

    def environment(self, base: dict[str, str]) -> dict[str, str]:
        """The variables of a kernel in which the learner works, on the target live."""
        return {
            **self.stage.changes(as_aws=True).applied_to(base),
            "CHAT_TARGET": "live",
            "CHAT_PREFIX": self.prefix,
            "CHAT_BOUNDARY": self.boundary,
            "AWS_ACCESS_KEY_ID": self.credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self.credentials["SessionToken"],
        }


def prepare(admin: StageTarget, prefix: str) -> Learner:
    """Deploy instructor.yaml for a learner and begin a session of the role."""
    formation = admin.client("cloudformation")
    name = f"instructor-{prefix}"
    formation.create_stack(
        StackName=name,
        TemplateBody=(TEMPLATES / "instructor.yaml").read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": "Prefix", "ParameterValue": prefix},
            {"ParameterKey": "BudgetEmail", "ParameterValue": "teacher@example.com"},
        ],
    )
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 240})
    outputs = {
        entry["OutputKey"]: entry["OutputValue"]
        for entry in formation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    }
    session = admin.client("sts").assume_role(RoleArn=outputs["LearnerRoleArn"], RoleSessionName=prefix)
    return Learner(admin.stage, prefix, session["Credentials"], outputs["BoundaryArn"])
