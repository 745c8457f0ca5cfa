"""The chat's own delivery in a function: connections that do not read, or have gone, hold up nobody else."""

from __future__ import annotations

import io
import json
import zipfile

from classroom.account.packages import sources_of
from localstage import LocalStage
from tests.stage.target import StageTarget, deploy_api
from tests.stage.waiting import eventually

HANDLER = """
import json
from delivery import deliver

def handler(event, context):
    request, body = event["requestContext"], json.loads(event["body"])
    rows = [{"connection_id": one} for one in body.get("to", ())]
    outcomes = deliver(request, context, rows, {"text": body.get("text")}) if rows else []
    answer = {row["connection_id"]: outcome for row, outcome in outcomes} or {"me": request["connectionId"]}
    return {"statusCode": 200, "body": json.dumps(answer)}
"""


def patient_delivery() -> dict[str, str]:
    """The course's delivery with one worker, which tries again for longer than any test waits."""
    files = sources_of("delivery")
    for old, new in (("WORKERS = 16", "WORKERS = 1"), ("(0.1, 0.2, 0.4, 0.8, 1.6)", "(0.1,) * 1_000")):
        assert old in files["delivery.py"]
        files["delivery.py"] = files["delivery.py"].replace(old, new)
    return files


def test_delivery_when_one_does_not_read_and_one_has_gone(stage: LocalStage) -> None:
    """Others hear the message while one who does not read is tried again and again; who reads at last gets it, too."""
    target = StageTarget(stage)
    api = deploy_api(target, {"$default": HANDLER}, two_way=("$default",), Timeout=60)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in {"handler.py": HANDLER, **patient_delivery()}.items():
            archive.writestr(name, text)
    function = target.client("lambda")
    function.update_function_code(FunctionName=api.function_arns["$default"], ZipFile=packed.getvalue())
    function.get_waiter("function_updated_v2").wait(FunctionName=api.function_arns["$default"])

    people = {name: target.connect(api.url) for name in ("lazy", "gone", "bob", "ann")}
    ids = {}
    for name, socket in people.items():
        socket.send("{}")
        ids[name] = json.loads(socket.recv())["me"]
    people["gone"].close()
    host = api.url.replace("wss://", "https://")
    management = target.client("apigatewaymanagementapi", endpoint_url=host)

    def has_gone() -> bool:
        try:
            management.get_connection(ConnectionId=ids["gone"])
        except management.exceptions.GoneException:
            return True
        return False

    eventually(has_gone, bool, "the connection that was closed to be gone")
    waiting = 0
    try:
        while waiting < 1_000:
            management.post_to_connection(ConnectionId=ids["lazy"], Data=b"x" * 100_000)
            waiting += 1
    except management.exceptions.LimitExceededException:
        pass
    assert waiting < 1_000

    people["ann"].send(json.dumps({"text": "hello", "to": [ids["lazy"], ids["gone"], ids["bob"]]}))
    assert json.loads(people["bob"].recv()) == {"text": "hello"}  # and lazy has not read yet
    for _ in range(waiting):
        people["lazy"].recv()
    assert json.loads(people["lazy"].recv()) == {"text": "hello"}
    outcomes = {ids["lazy"]: "delivered", ids["gone"]: "gone", ids["bob"]: "delivered"}
    assert json.loads(people["ann"].recv()) == outcomes
    for name in ("lazy", "bob", "ann"):
        people[name].close()
