"""Why a request is refused, as AWS names it in each family of protocols.

Each refusal knows its codes and its sentence; how these are put on the wire is
the business of door/refusal.py. Codes and sentences are those of public error
reports of the services; what none shows is marked as a guess.
"""

from __future__ import annotations

from localstage.door.refusal import Refusal

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


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


class SignatureRefused(CallRefused):
    """A request that nobody known has signed."""

    json_code = "InvalidSignatureException"
    query_code = "SignatureDoesNotMatch"
    s3_code = "SignatureDoesNotMatch"


class MissingToken(SignatureRefused):
    """The request is not signed at all."""

    json_code = "MissingAuthenticationTokenException"
    query_code = "MissingAuthenticationToken"
    s3_code, s3_message = "AccessDenied", "Access Denied"
    rest_message = "Missing Authentication Token"  # FIDELITY section 6: unsigned.

    def __init__(self) -> None:
        super().__init__("Request is missing Authentication Token")


class IncompleteSignature(SignatureRefused):
    """The signature lacks a part, or a part has the wrong form."""

    json_code, query_code = "IncompleteSignatureException", "IncompleteSignature"
    s3_code, s3_status = "AuthorizationHeaderMalformed", 400


class UnsupportedMechanism(SignatureRefused):
    """Signature Version 2, or 4A."""

    json_code, query_code = "IncompleteSignatureException", "IncompleteSignature"  # Guess: only S3's is documented.
    s3_code, s3_status = "InvalidRequest", 400

    def __init__(self) -> None:
        super().__init__("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")


class UnknownKey(SignatureRefused):
    """No such access key, it is inactive, or its session token is another one."""

    json_code, query_code = "UnrecognizedClientException", "InvalidClientTokenId"
    s3_code = "InvalidAccessKeyId"
    s3_message = "The AWS Access Key Id you provided does not exist in our records."

    def __init__(self, access_key_id: str):
        super().__init__("The security token included in the request is invalid.")
        self.access_key_id = access_key_id

    def details(self) -> dict[str, str]:
        return {"AWSAccessKeyId": self.access_key_id}


class WrongSessionToken(UnknownKey):
    """The key is known, the session token that came with it is not its own."""

    s3_code, s3_status = "InvalidToken", 400
    s3_message = "The provided token is malformed or otherwise invalid."


class SessionExpired(SignatureRefused):
    """The temporary credentials are no longer valid."""

    json_code, query_code = "ExpiredTokenException", "ExpiredToken"
    s3_code, s3_status, s3_message = "ExpiredToken", 400, "The provided token has expired."

    def __init__(self) -> None:
        super().__init__("The security token included in the request is expired")


class SignatureMismatch(SignatureRefused):
    """The signature is not the one that the key gives for this request."""

    s3_message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )

    def __init__(self, access_key_id: str, canonical: str, to_sign: str):
        # AWS shows both texts (github.com/mhart/aws4 issue 33); they hold no secret.
        super().__init__(
            f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n"
        )
        self._details = {"AWSAccessKeyId": access_key_id, "StringToSign": to_sign, "CanonicalRequest": canonical}

    def details(self) -> dict[str, str]:
        return self._details


class WrongScope(SignatureRefused):
    """The credential scope or the signed headers do not fit the request."""

    s3_code, s3_status = "AuthorizationHeaderMalformed", 400


class HeadersNotSigned(SignatureRefused):
    """A header that matters came without being signed."""

    s3_code, s3_message = "AccessDenied", "There were headers present in the request which were not signed"

    def __init__(self, names: list[str]):
        super().__init__(f"'{names[0]}' must be a 'SignedHeader' in the AWS Authorization.")
        self._names = names

    def details(self) -> dict[str, str]:
        return {"HeadersNotSigned": ", ".join(self._names)}


class TimeTooSkewed(SignatureRefused):
    """The request was signed too long ago, or in the future."""

    s3_code = "RequestTimeTooSkewed"
    s3_message = "The difference between the request time and the current time is too large."

    def __init__(self, message: str, signed: str, now: str, limit_s: int):
        super().__init__(message)
        self._details = {"RequestTime": signed, "ServerTime": now, "MaxAllowedSkewMilliseconds": str(limit_s * 1000)}

    def details(self) -> dict[str, str]:
        return self._details


class PresignedExpired(SignatureRefused):
    """A pre-signed request came after its time."""

    s3_code, s3_message = "AccessDenied", "Request has expired"


class PayloadMismatch(SignatureRefused):
    """The body is not the one whose digest was signed."""

    s3_code, s3_status = "XAmzContentSHA256Mismatch", 400
    s3_message = "The provided 'x-amz-content-sha256' header does not match what was computed."

    def __init__(self, claimed: str, computed: str):
        super().__init__(_MISMATCH)
        self._details = {"ClientComputedContentSHA256": claimed, "S3ComputedContentSHA256": computed}

    def details(self) -> dict[str, str]:
        return self._details
