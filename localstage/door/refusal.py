"""A refused AWS call, and a caller who is not let in.

Every error that does not come out of moto itself is a ``Refusal``: a signature,
a permission, throttling, an operation that is not there, an Invoke that does
not start. How it is put on the wire is answers.py's business.
"""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """A call that is answered with an error: ``code``, the sentence (``str()``) and the HTTP ``status``.

    Shapes that a service's model gives an error read the attributes ``message``,
    ``Message`` and ``Type`` here.
    """

    Type = "User"
    namespace = ""
    """What stands before the code in the bodies of JSON services; "": the service's own."""
    query_code = ""
    """The code that a service once had in the query protocol, for those that still say it; "": ``code``."""
    elements: Mapping[str, str] = {}
    """What S3's answer has besides code and message."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code = code
        self.message = self.Message = message
        self.status = status

    def in_protocol(self, protocol: str) -> Refusal:
        """The refusal as services of a protocol have it."""
        return self


class CallRefused(Refusal):
    """A call that is not let in. ``str()`` is the sentence of the JSON and query protocols."""

    json_code: str
    query_code: str
    s3_code: str
    ec2_code = "AuthFailure"
    ec2_status = 401
    ec2_message = "AWS was not able to validate the provided access credentials"
    s3_status = 403
    s3_message = ""
    """S3's own sentence, if it differs."""
    namespace = "com.amazon.coral.service#"  # AWS: callers are checked by the framework, not by the service.

    def __init__(self, message: str):
        super().__init__(self.json_code, message, 403)

    def details(self) -> dict[str, str]:
        """What S3's answer has besides code and message."""
        return {}

    def in_protocol(self, protocol: str) -> Refusal:
        """The refusal with the code, the sentence and the status that services of a protocol have for it."""
        message = str(self)
        if protocol == "s3":
            said = Refusal(self.s3_code, self.s3_message or message, self.s3_status)
            said.elements = self.details()
        elif protocol == "ec2":
            said = Refusal(self.ec2_code, self.ec2_message, self.ec2_status)
        elif protocol in ("query", "rest-xml"):
            said = Refusal(self.query_code, message, 403)
        elif protocol == "rest-json":
            said = Refusal(self.json_code, self.rest_message, 403)
        else:
            said = Refusal(self.json_code, message, 400)
        said.namespace = self.namespace
        return said

    @property
    def rest_message(self) -> str:
        """The sentence as REST services and API Gateway say it."""
        return str(self)
