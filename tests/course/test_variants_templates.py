"""The templates of the five write-ups, read but not deployed: their names, and what is as published in them.

What a write-up prints or lists is compared with it, where the write-ups lie beside this clone.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

import pytest

from classroom.account import stack
from classroom.labs.variants import LET_IN, MENDED, PUBLISHED, VARIANTS, Variant, package, variant
from tests.source_material import at_hand, text_of

TABLES = {
    "s0": {"ChatMessages": ["room_id", "timestamp"], "ChatConnections": ["connection_id"]},
    "s1": {"WebSocketConnections": ["connectionId"]},
    "s2": {
        "ActiveConnections": ["connection_id"],
        "SessionHistory": ["connection_id"],
        "MessageHistory": ["message_id"],
    },
    "s3": {"ConnectionsTable": ["connectionId"]},
    "s4": {"WebSocketConnections": ["connectionId"], "ChatMessages": ["messageId"]},
}
STAGES = {"s0": "prod", "s1": "dev", "s2": "dev", "s3": "prod", "s4": "dev"}
each_variant = pytest.mark.parametrize("one", VARIANTS, ids=lambda one: one.name)


@each_variant
def test_names_when_a_template_is_read(one: Variant) -> None:
    """Functions, tables with their keys, routes and stage have the names that the write-up gives them."""
    resources = template_of(one)["Resources"].values()
    named = {kind["Properties"].get("FunctionName", {}).get("Fn::Sub") for kind in resources}
    assert named - {None} == {f"${{Prefix}}-{name}" for name in one.functions}
    tables = {
        kind["Properties"]["TableName"]["Fn::Sub"].removeprefix("${Prefix}-"): [
            key["AttributeName"] for key in kind["Properties"]["KeySchema"]
        ]
        for kind in resources
        if kind["Type"] == "AWS::DynamoDB::Table"
    }
    assert tables == TABLES[one.name] and one.connections in tables
    [stage] = {kind["Properties"]["StageName"] for kind in resources if "StageName" in kind["Properties"]}
    assert stage == STAGES[one.name]
    routes = {key for kind in resources for key in kind["Properties"].get("Routes", ())}
    routes |= {kind["Properties"]["RouteKey"] for kind in resources if "RouteKey" in kind["Properties"]}
    assert routes >= {"$connect", "$disconnect", one.send}


@each_variant
def test_form_when_a_template_is_read(one: Variant) -> None:
    """A template has the forms of its variant; who deploys it without a word gets the mended one."""
    form = template_of(one)["Parameters"]["Form"]
    assert (tuple(form["AllowedValues"]), form["Default"]) == (one.forms, MENDED)


@each_variant
def test_package_when_a_template_names_handlers(one: Variant) -> None:
    """Whatever handler a template names, in either form, is in the package."""
    files = zipfile.ZipFile(io.BytesIO(package())).namelist()
    named = re.findall(r"([\w/]+)\.\w+(?=[,\]\n])", "\n".join(re.findall(r"Handler: .*\n", source_of(one))))
    assert {f"{name}.py" for name in named} <= set(files)
    measured = re.findall(r"(\w+)\.\w+(?=[,\]])", "\n".join(re.findall(r"MEASURED: .*\n", source_of(one))))
    assert measured and {f"variants/{name}.py" for name in measured} <= set(files)


def test_s0_when_it_is_as_published() -> None:
    """s0's function may do what the two policies of its console steps allow."""
    policies = as_published(variant("s0"))["ChatHandler"]["Policies"]
    assert [one["Fn::Sub"].rpartition("/")[2] for one in policies] == [
        "AmazonDynamoDBFullAccess",
        "AmazonAPIGatewayInvokeFullAccess",
    ]


def test_s2_when_it_is_as_published() -> None:
    """s2's list lets ConnectHandler write to two tables and nothing else; let-in adds reading and telling who is there."""
    for form, allowed in (
        (PUBLISHED, ["dynamodb:PutItem"]),
        (LET_IN, ["dynamodb:PutItem", "dynamodb:Scan", "dynamodb:DeleteItem", "execute-api:ManageConnections"]),
    ):
        functions = as_published(variant("s2"), form)
        assert actions(functions["ConnectHandler"]) == allowed
        assert actions(functions["DisconnectHandler"]) == ["dynamodb:DeleteItem", "dynamodb:UpdateItem"]
        assert functions["Api"]["RouteSelectionExpression"] == "request.body.action"


@at_hand
def test_s0_when_its_text_is_at_hand() -> None:
    """The write-up attaches these two policies."""
    text = text_of("000")
    for one in as_published(variant("s0"))["ChatHandler"]["Policies"]:
        assert one["Fn::Sub"].rpartition("/")[2] in text


@at_hand
def test_s2_when_its_text_is_at_hand() -> None:
    """The tutorial lists these permissions, and this expression."""
    text = text_of("002")
    listed = dict(re.findall(r"- \*\*`(\w+)`\*\*: Requires (.*)", text))
    assert "write" in listed["ConnectHandler"]
    assert not re.search("read|post|API Gateway", listed["ConnectHandler"])
    assert re.search("update items .*SessionHistory.*delete items .*ActiveConnections", listed["DisconnectHandler"])
    [expression] = re.findall(r"\*\*Route selection expression:\*\* Enter `(.+?)`", text)
    assert expression == as_published(variant("s2"))["Api"]["RouteSelectionExpression"]


@at_hand
def test_s4_when_its_text_is_at_hand() -> None:
    """The README prints the statement that each of the three functions gets."""
    printed = json.loads(re.search(r'\{\s*"Effect".*?\n\}', text_of("004"), re.DOTALL)[0])
    for name in ("Connect", "Disconnect", "Message"):
        [policy] = as_published(variant("s4"))[name]["Policies"]
        [statement] = policy["Statement"]
        assert statement == printed


def source_of(one: Variant) -> str:
    return (stack.TEMPLATES / one.template).read_text("utf-8")


def template_of(one: Variant) -> dict[str, Any]:
    from cfnlint.decode import decode  # Imported late: it takes half a second, and every process collects this file.

    return decode(str(stack.TEMPLATES / one.template))[0]


def as_published(one: Variant, form: str = PUBLISHED) -> dict[str, Any]:
    """The properties of each resource, with the conditions decided as for a form that is as published."""
    template = template_of(one)
    truths = {"Broadcasts": True, "HasBoundary": False, "BroadcastsMended": False, "AsPublished": True}
    truths["ListsAsPublished"] = form == PUBLISHED
    assert template["Conditions"].keys() <= truths.keys()
    return {name: decided(kind["Properties"], truths) for name, kind in template["Resources"].items()}


def decided(value: Any, truths: dict[str, bool]) -> Any:
    """A value with its Fn::If decided; what comes to AWS::NoValue is left out."""
    if isinstance(value, dict):
        if "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            return decided(yes if truths[condition] else no, truths)
        found = {key: decided(one, truths) for key, one in value.items()}
        return {key: one for key, one in found.items() if one != NOTHING}
    if isinstance(value, list):
        return [one for one in (decided(one, truths) for one in value) if one != NOTHING]
    return value


NOTHING = {"Ref": "AWS::NoValue"}


def actions(function: dict[str, Any]) -> list[str]:
    """The actions that a function's own policies allow."""
    statements = [statement for policy in function["Policies"] for statement in policy["Statement"]]
    listed = [one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements]
    return [action for one in listed for action in one]
