"""Why Lambda's Invoke does not even start a function: each error is the answer that the caller gets."""

from __future__ import annotations


class InvocationRefused(Exception):
    """Invoke answers with ``status``, the error ``code`` and the exception's text."""

    status = 500
    code = "ServiceException"


class StageStopping(InvocationRefused):
    """The stage ends; nothing is started any more and what runs is ended."""

    def __init__(self) -> None:
        super().__init__("The local stage is stopping, so the function did not finish.")


class InvalidRuntime(InvocationRefused):
    """The function is not a Python function. AWS: Lambda API reference, Invoke, InvalidRuntimeException."""

    status = 502
    code = "InvalidRuntimeException"

    def __init__(self, name: str, runtime: str) -> None:
        super().__init__(
            f"The function {name} has the runtime {runtime or '(none)'}; the local stage runs python3.x functions only."
        )


class TooManyRequests(InvocationRefused):
    """The function's reserved concurrency is used up. AWS: Lambda API reference, Invoke, TooManyRequestsException."""

    status = 429
    code = "TooManyRequestsException"

    def __init__(self) -> None:
        super().__init__("Rate Exceeded.")


class InvalidZipFile(InvocationRefused):
    """The package cannot be unpacked. AWS: Lambda API reference, Invoke, InvalidZipFileException."""

    status = 502
    code = "InvalidZipFileException"


class EnvironmentNotStarted(InvocationRefused):
    """This machine could not start a process for the function."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"No process could be started for the function {name}: {reason}")
