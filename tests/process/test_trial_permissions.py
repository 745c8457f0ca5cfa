"""A trial whose handler may not do everything: what is denied, in which words, and what each call needs."""

from __future__ import annotations

import pytest

from classroom.exercises import solutions
from classroom.my_chat.chat import MyChat
from classroom.my_chat.folder import Folder

_TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/trial-"
_POSTS = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/POST/@connections/"
_USER = "User: arn:aws:sts::123456789012:assumed-role/trial-role/trial-function is not authorized to perform: "


@pytest.fixture
def chat(tmp_path):
    return MyChat(None, 7, Folder(tmp_path / "my_chat"))  # type: ignore[arg-type]


@pytest.fixture
def trial(chat):
    with chat.trial("5.7") as trial:
        trial.connect("ann", "bob")
        yield trial


def test_call_when_its_action_is_denied(trial):
    """The handler gets AWS's sentence, the outcome names the denied call, and everything else is allowed."""
    trial.deny("dynamodb:Scan")
    outcome = trial.send("ann", "Hello")
    assert outcome.error.endswith(
        f"{_USER}dynamodb:Scan on resource: {_TABLE}ChatConnections "
        "because no identity-based policy allows the dynamodb:Scan action"
    )
    assert outcome.denied == (("dynamodb:Scan", f"{_TABLE}ChatConnections"),)
    assert len(trial.rows("ChatMessages")) == 1


def test_post_when_it_is_denied(trial):
    """API Gateway hides account and connection, gives no reason, and delivers nothing; the connection is not gone."""
    trial.deny("execute-api:ManageConnections")
    outcome = trial.send("ann", "Hello")
    assert f"{_USER}execute-api:ManageConnections on resource: " in outcome.printed
    assert ":********9012:a1b2c3d4e5/prod/POST/@connections/{connectionId}\n" in outcome.printed
    assert trial.screen("bob") == [] and len(trial.rows("ChatConnections")) == 2


def test_calls_when_statements_are_given(trial):
    """The statements are all that the handler may do; what it needed is told either way."""
    trial.permit({"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": f"{_TABLE}*"})
    outcome = trial.send("ann", "Hello")
    assert outcome.needs == (
        ("dynamodb:PutItem", f"{_TABLE}ChatMessages"),
        ("dynamodb:Scan", f"{_TABLE}ChatConnections"),
    )
    assert outcome.denied == outcome.needs[1:]
    trial.permit()
    assert trial.leave("bob").denied == (("dynamodb:DeleteItem", f"{_TABLE}ChatConnections"),)


def test_needs_when_everything_is_allowed(trial):
    """Each post needs its own connection."""
    outcome = trial.send("ann", "Hello")
    assert outcome.denied == ()
    assert set(outcome.needs[2:]) == {
        ("execute-api:ManageConnections", f"{_POSTS}{trial.id_of(name)}") for name in ("ann", "bob")
    }


def test_file_when_it_is_handed_out(chat, capsys):
    """It comes into the folder once; what the learner makes of it stays."""
    chat.hand_out("chat_function.yaml")
    assert "AmazonDynamoDBFullAccess" in (chat.folder.text("chat_function.yaml") or "")
    chat.folder.write("chat_function.yaml", "Resources: {}\n")
    chat.hand_out("chat_function.yaml")
    assert chat.folder.text("chat_function.yaml") == "Resources: {}\n"
    assert capsys.readouterr().out == "Yours: my_chat/chat_function.yaml.\n" * 2


def test_finished_file_when_it_was_changed_afterwards(chat):
    """What the exercise found right counts, whatever became of the file; before that, the course's answer does."""
    course = solutions.course_text("chat_function.yaml", "7a.4") or ""
    assert str(chat.finished("7a.4")) == "the course's chat_function.yaml, because exercise 7a.4 is not done yet"
    assert chat.finished("7a.4").files == {"chat_function.yaml": course}
    chat.folder.write("chat_function.yaml", "# mine\n" + course)
    chat.folder.keep_checked("7a.4", "chat_function.yaml")
    chat.folder.write("chat_function.yaml", "Resources: {}\n")
    assert str(chat.finished("7a.4")) == "your chat_function.yaml, as exercise 7a.4 checked it"
    assert chat.finished("7a.4").files["chat_function.yaml"].startswith("# mine\n")
