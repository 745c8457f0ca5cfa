"""An execution environment has Lambda's variables and none of the user's (FIDELITY section 9)."""

from localstage.functions.definition import FunctionDefinition
from localstage.functions.launch import environment_variables
from localstage.functions.runtimes import EnvironmentFiles, Python

FILES = EnvironmentFiles(task_root="/w/task", layers_root="/w/opt", temp_dir="/w/tmp")
PARENT = {
    "PATH": "/usr/bin",
    "HOME": "/home/ann",
    "AWS_PROFILE": "work",
    "AWS_SECRET_ACCESS_KEY": "hers",
    "SystemRoot": r"C:\Windows",
    "PYTHONPATH": "/home/ann/lib",
    "VIRTUAL_ENV": "/home/ann/v",
}


def variables(own=None, stage=None, **options):
    """The variables of a function that has ``own`` variables."""
    definition = FunctionDefinition(
        name="chat",
        arn="arn:aws:lambda:us-east-1:123456789012:function:chat",
        region="us-east-1",
        account_id="123456789012",
        role_arn="arn:aws:iam::123456789012:role/chat",
        handler="app.handler",
        runtime="python3.13",
        code_sha256="",
        code_zip=b"",
        memory_mb=256,
        environment=own or {},
    )
    return environment_variables(definition, Python(), FILES, PARENT, stage or {}, **options)


def test_variables_are_lambdas():
    """Every variable of Lambda that describes the function is there."""
    found = variables()
    assert (
        found
        | {
            "_HANDLER": "app.handler",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": "chat",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/chat",
            "LAMBDA_TASK_ROOT": "/w/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "TZ": ":UTC",
            "LANG": "en_US.UTF-8",
            "PYTHONPATH": "/var/runtime",
        }
        == found
    )


def test_variables_of_the_user_stay_out():
    """Of the stage's own process only the path and what the system needs come through."""
    found = variables()
    assert not {"HOME", "AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "VIRTUAL_ENV"} & set(found)
    assert "/home/ann" not in "".join(found.values())
    assert found["SystemRoot"] == r"C:\Windows"
    assert found["PATH"] == "/usr/bin:/w/opt/bin"


def test_own_variables_win_over_defaults_only():
    """A function may set its own TZ, but not what Lambda reserves nor what leads to the stage."""
    found = variables(
        {"TABLE": "T", "TZ": "Asia/Tokyo", "AWS_REGION": "eu-west-1", "HTTPS_PROXY": "http://evil"},
        {"HTTPS_PROXY": "http://127.0.0.1:4580", "AWS_ACCESS_KEY_ID": "ASIA"},
    )
    assert (found["TABLE"], found["TZ"]) == ("T", "Asia/Tokyo")
    assert found["AWS_REGION"] == "us-east-1"
    assert found["HTTPS_PROXY"] == "http://127.0.0.1:4580"
    assert found["AWS_ACCESS_KEY_ID"] == "ASIA"


def test_temporary_directory_is_the_environments_own():
    """TMPDIR, or TEMP and TMP on Windows, is the environment's directory."""
    assert variables()["TMPDIR"] == "/w/tmp"
    windows = variables(windows=True)
    assert (windows["TEMP"], windows["TMP"]) == ("/w/tmp", "/w/tmp")
    assert "TMPDIR" not in windows
