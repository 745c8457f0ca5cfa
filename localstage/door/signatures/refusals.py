"""Why a request is refused, as AWS names it in each family of protocols.

Each refusal knows its codes and its sentence; how these are put on the wire is
the business of door/answers.py. Codes and sentences are those of public error
reports of the services; what none shows is marked as a guess.
"""

from __future__ import annotations

from localstage.door.refusal import CallRefused

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


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

    # Guess (Sentences of errors): only S3's code is documented.
    json_code, query_code = "IncompleteSignatureException", "IncompleteSignature"
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
