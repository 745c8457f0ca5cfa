"""Read a template from the bucket that a TemplateURL names."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ClientError, ParamValidationError

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.errors import ValidationError


def template_at(url: str, apis: AccountApis) -> str:
    """The text of the object that the URL names, in path style or with the bucket as host.

    Raises:
        ValidationError: it is not an S3 URL, or there is no such object.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValidationError("TemplateURL must be a supported URL.") from None
    host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
    if not host or parts.scheme not in ("http", "https"):
        raise ValidationError("TemplateURL must be a supported URL.")
    if _names_bucket(host):
        bucket, key = host.split(".s3", 1)[0], path
    else:
        bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise ValidationError("TemplateURL must be a supported URL.")
    versions = parse_qs(parts.query).get("versionId")
    version = {"VersionId": versions[0]} if versions else {}
    try:
        body = apis.client("s3").get_object(Bucket=bucket, Key=key, **version)["Body"].read()
        return body.decode("utf-8")
    except ParamValidationError:
        raise ValidationError("TemplateURL must be a supported URL.") from None
    except ClientError as error:
        message = error.response["Error"].get("Message", "")
        raise ValidationError(f"S3 error: {message}") from None
    except UnicodeDecodeError:
        raise ValidationError("Template format error: the template must be text in UTF-8.") from None


def _names_bucket(host: str) -> bool:
    return ".amazonaws.com" in host and ".s3" in host and not host.startswith("s3")
