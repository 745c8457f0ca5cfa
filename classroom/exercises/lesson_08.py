"""The exercises of lesson 8: the template of the whole chat, read and edited."""

from __future__ import annotations

from functools import partial
from typing import Any

from classroom.account.deployment_name import routes_hash
from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.exercises.templates import Template
from classroom.my_chat.folder import given

TEMPLATE = "chat.yaml"
PREDICTIONS = {
    "8.a": "Nothing: they stay connected, and every message arrives",
    "8.b": "Those in prod",
    "8.c": "Neither change is there",
    "8.d": "The usage text of $default, as before",
}
GIVEN = {"Prefix": "lab", "CodeBucket": "lab-packages", "CodeKey": "handlers/1.zip"}
_ARN = "arn:aws:execute-api:us-east-1:123456789012:<Api>/"
_REPLACE = ("TableName", "KeySchema", "AttributeDefinitions")
"""The properties of a table that cannot be changed in the living one. AWS: AWS::DynamoDB::Table, Update requires."""
_COUNTS_FROM_ONE = {("GreaterThanThreshold", 0.0), ("GreaterThanOrEqualToThreshold", 1.0)}
_LAST_TIME = {"FunctionTimeout": "10", "LogRetentionDays": "7"}
"""What the stack dev was given last."""
_ADDED = {"8.2": "Alarms", "8.3": "FunctionTimeout"}
"""The parameter that an exercise adds, for those after it."""
_DEPLOYMENT = "AWS::ApiGatewayV2::Deployment"


def _course(**changed: str) -> Template:
    return Template(given(TEMPLATE) or "", {**GIVEN, **changed})


def _learners(answer: Answer, **changed: str) -> Template:
    """The learner's template, which must still hold everything that the course's and the earlier exercises' does."""
    found = Template(answer.text, {**GIVEN, **changed})
    for exercise_before, parameter in _ADDED.items():
        if exercise_before < answer.exercise.number and parameter not in found.parameters:
            raise CheckFailed(
                f"the template has what exercise {exercise_before} asked for. It has no parameter {parameter}. "
                f'Look at: exercise {exercise_before}, or lesson.my_chat.use_course_version("{exercise_before}").'
            )
    lost = [
        name for name, one in _course().resources.items() if name not in found.resources and one["Type"] != _DEPLOYMENT
    ]
    if lost:
        raise CheckFailed(
            f"everything else is still there. {lost[0]} is gone. "
            "Look at: what your cell replaces; an entry takes the place of the entry of the same name."
        )
    return found


@exercise("8.1", names=("dangerous",), look="TableName in MessagesTable: which parameter stands in it?")
def find_what_replaces_the_tables(answer: Answer) -> None:
    """The list names each parameter whose change would replace the table of messages, and no other."""
    found = answer.dangerous
    if isinstance(found, str):
        raise CheckFailed(
            f"dangerous is a list of names. Found the text {found!r}. Look at: the square brackets around the names."
        )
    check("dangerous is a list", type(found).__name__, "list", look="the square brackets around the names")
    template = _course()
    for name in found:
        if name not in template.parameters:
            raise CheckFailed(
                f"each is a parameter of chat.yaml. There is no {name!r}; there are {', '.join(template.parameters)}. "
                "Look at: the part Parameters."
            )
        if not _replaces(name):
            raise CheckFailed(
                f"a change of {name} replaces the table of messages. With another {name}, its name and its keys stay "
                "what they are. Look at: TableName and KeySchema in MessagesTable, and which parameter stands in them."
            )
    print("ok: whatever is in your list replaces the table")
    missing = [name for name in template.parameters if _replaces(name) and name not in found]
    if missing:
        raise CheckFailed(
            f"nothing is missing from your list. {len(missing)} more would replace the table. "
            "Look at: the line TableName in MessagesTable."
        )
    print("ok: nothing is missing from your list")


def _replaces(parameter: str) -> bool:
    before, after = (one.properties("MessagesTable") for one in (_course(), _course(**{parameter: "other"})))
    return any(before[name] != after[name] for name in _REPLACE)


@exercise("8.2", file=TEMPLATE, look="the three parts, one by one: Parameters, Conditions, Resources")
def add_an_alarm(answer: Answer) -> None:
    """The template makes an alarm on the function's errors where the parameter Alarms is true, and only there."""
    template = _learners(answer)
    _check_alarms_parameter(template)
    alarm, properties = template.only("AWS::CloudWatch::Alarm")
    condition = template.resources[alarm].get("Condition")
    if not isinstance(condition, str):
        raise CheckFailed(
            f"{alarm} is made under a condition. It has none, so every chat would have the alarm. "
            "Look at: a line Condition: beside Type:, as in SendMessageRole."
        )
    for value, expected in (("true", "is made"), ("false", "is not made")):
        made = "is made" if _learners(answer, Alarms=value).holds(condition) else "is not made"
        check(f"with Alarms {value} the alarm", made, expected, look=f"{condition} in Conditions")
    for name, expected in (("Namespace", "AWS/Lambda"), ("MetricName", "Errors"), ("Statistic", "Sum")):
        check(f"the alarm's {name}", properties.get(name), expected, look="the list of properties, as it was given")
    _check_dimension(properties)
    for name, seconds_or_times in (("Period", 60), ("EvaluationPeriods", 1)):
        check(f"the alarm's {name}", _number(properties, name), seconds_or_times, look="one look at one minute")
    threshold = _number(properties, "Threshold")
    if (properties.get("ComparisonOperator"), threshold) not in _COUNTS_FROM_ONE:
        raise CheckFailed(
            f"one error is enough, and none is not. The alarm goes off when the errors of a minute are "
            f"{properties.get('ComparisonOperator')} {threshold:g}. Look at: ComparisonOperator and Threshold together."
        )
    print("ok: one error in a minute sets it off, and none does not")


def _number(properties: dict[str, Any], name: str) -> float:
    if name not in properties:
        raise CheckFailed(f"the alarm has a {name}. It has none. Look at: the list of properties, as it was given.")
    return attempt(f"{name} is a number", partial(float, properties[name]), look=name)


def _check_alarms_parameter(template: Template) -> None:
    if "Alarms" not in template.parameters:
        raise CheckFailed(
            "there is a parameter Alarms. There is none. Look at: Parameters, with Alarms two spaces deeper."
        )
    parameter = template.parameters["Alarms"]
    check("the type of Alarms", parameter.get("Type"), "String", look="Type: String")
    values = [parameter.get("Default"), *(parameter.get("AllowedValues") or [])]
    if any(isinstance(one, bool) for one in values):
        raise CheckFailed(
            f"Alarms is text. Found {next(one for one in values if isinstance(one, bool))!r}: without quotes YAML reads "
            'true and false as truth values, not as words. Look at: "true" and "false", in quotes.'
        )
    check("what Alarms is unless given", parameter.get("Default"), "false", look="Default, in quotes")
    check(
        "the values that Alarms may have",
        sorted(map(str, parameter.get("AllowedValues") or [])),
        ["false", "true"],
        look="AllowedValues, as in DeliverToSender",
    )


def _check_dimension(properties: dict[str, Any]) -> None:
    dimensions = properties.get("Dimensions")
    found = [
        (one.get("Name"), one.get("Value"))
        for one in (dimensions if isinstance(dimensions, list) else [])
        if isinstance(one, dict)
    ]
    if found == [("FunctionName", "lab-send_message")]:  # the name itself, which the function has by !Sub
        found = [("FunctionName", "<SendMessageFunction>")]
    if found != [("FunctionName", "<SendMessageFunction>")]:
        raise CheckFailed(
            f"the alarm looks at send_message's errors. Its dimensions are {found}. "
            "Look at: Dimensions: [{Name: FunctionName, Value: !Ref SendMessageFunction}]."
        )
    print("ok: the alarm looks at the errors of send_message")


@exercise("8.3", file=TEMPLATE, look="MinValue and MaxValue in the parameter, !Ref in the function")
def give_the_timeout_limits(answer: Answer) -> None:
    """The function's time-out is a parameter that takes nothing impossible, and the function is otherwise as it was."""
    template = _learners(answer)
    if "FunctionTimeout" not in template.parameters:
        raise CheckFailed(
            "there is a parameter FunctionTimeout. There is none. "
            "Look at: Parameters, with FunctionTimeout two spaces deeper."
        )
    parameter = template.parameters["FunctionTimeout"]
    check("the type of FunctionTimeout", parameter.get("Type"), "Number", look="Type: Number")
    for name, expected in (("Default", 10), ("MinValue", 1), ("MaxValue", 29)):
        if name not in parameter:
            raise CheckFailed(
                f"FunctionTimeout has a {name}. It has none. Look at: the line {name}: {expected}, beside Type."
            )
        number = attempt(f"{name} is a number", partial(int, parameter[name]), look=f"{name} in FunctionTimeout")
        check(f"its {name}", number, expected, look=f"{name}: {expected}")
    changed = _learners(answer, FunctionTimeout="17")
    for name in ("ConnectFunction", "DisconnectFunction", "DefaultFunction"):
        found = changed.properties(name).get("Timeout")
        check(f"with 17 seconds asked for, the time-out of {name}", found, 10, look=f"{name}: leave it as it was")
    before, after = _course().properties("SendMessageFunction"), changed.properties("SendMessageFunction")
    check(
        "with 17 seconds asked for, the time-out of SendMessageFunction",
        str(after.get("Timeout")),
        "17",
        look="Timeout: !Ref FunctionTimeout",
    )
    others = [name for name in before if name != "Timeout"]
    check(
        "its other properties",
        {name: after.get(name) for name in others},
        {name: before[name] for name in others},
        look="the function as lesson.show shows it: only the line Timeout changes",
    )


@exercise("8.4", names=("back",), look="what CloudFormation compares: your template's values with those of last time")
def bring_the_account_back(answer: Answer) -> None:
    """Both values differ from what the stack was given last, and are allowed, so CloudFormation writes both again."""
    found = answer.back
    check("back is a dict", type(found).__name__, "dict", look="the curly brackets")
    check(
        "the names in it",
        sorted(map(str, found)),
        sorted(_LAST_TIME),
        look="the two parameters that the drift is about",
    )
    for name, last in _LAST_TIME.items():
        value = found[name]
        check(f"{name} is text, as every parameter", type(value).__name__, "str", look="the quotes around the number")
        if value == last:
            raise CheckFailed(
                f"CloudFormation writes {name} again. It does not: it compares {value} with the {last} of last time, "
                f"sees no difference, and leaves the account alone. Look at: any other value that {name} may have."
            )
        _check_allowed(name, value)
    print("ok: both values are new, so both properties are written")


def _check_allowed(name: str, value: str) -> None:
    allowed = (
        [str(one) for one in range(1, 30)]
        if name == "FunctionTimeout"
        else [str(one) for one in _course().parameters[name]["AllowedValues"]]
    )
    if value not in allowed:
        said = "1 to 29" if name == "FunctionTimeout" else ", ".join(allowed)
        raise CheckFailed(
            f"the template allows the value. {name} may be {said}, and {value!r} is none of these. "
            f"Look at: the parameter {name}."
        )


@exercise("8.5", file=TEMPLATE, look="the three parts, one by one: route, permission, deployment")
def add_a_route(answer: Answer) -> None:
    """The new route leads where sendMessage leads, API Gateway may call the function for it, and the deployment waits."""
    template = _learners(answer)
    routes = template.all_of("AWS::ApiGatewayV2::Route")
    keys = {one.get("RouteKey"): name for name, one in routes.items()}
    check(
        "the route keys", sorted(map(str, keys)), sorted([*_course_keys(), "sendmessage"]), look="RouteKey: sendmessage"
    )
    route = keys["sendmessage"]
    target = routes[keys["sendMessage"]]["Target"]
    expected = {"ApiId": "<Api>", "RouteKey": "sendmessage", "Target": target}
    check(
        "the new route", {key: routes[route].get(key) for key in expected}, expected, look="SendMessageRoute, the model"
    )
    allowed = {
        str(one.get("SourceArn")): one.get("FunctionName")
        for one in template.all_of("AWS::Lambda::Permission").values()
        if one.get("Action") == "lambda:InvokeFunction" and one.get("Principal") == "apigateway.amazonaws.com"
    }
    if f"{_ARN}*/sendmessage" not in allowed:
        raise CheckFailed(
            f"API Gateway may call the function for the route sendmessage. No permission has the SourceArn "
            f"{_ARN}*/sendmessage. Look at: SendMessagePermission, the model; a permission is for one route key, "
            "capitals included."
        )
    check(
        "the function of that permission",
        allowed[f"{_ARN}*/sendmessage"],
        "<SendMessageFunction>",
        look="FunctionName: !Ref SendMessageFunction",
    )
    deployment, _ = template.only(_DEPLOYMENT)
    waits_for = template.resources[deployment].get("DependsOn") or []
    check(
        "what the deployment waits for",
        sorted([waits_for] if isinstance(waits_for, str) else waits_for),
        sorted(routes),
        look="DependsOn in the deployment: all routes, so that its snapshot holds them all",
    )
    if routes_hash(answer.text) == routes_hash(given(TEMPLATE) or ""):
        raise CheckFailed(
            f"the new route can be seen by who names the deployment. {deployment} would keep its name. Look at: the new "
            "route, which needs its name, Type and Properties on lines of their own, as SendMessageRoute has them."
        )


def _course_keys() -> list[str]:
    return [str(one["RouteKey"]) for one in _course().all_of("AWS::ApiGatewayV2::Route").values()]
