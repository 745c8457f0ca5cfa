"""What S3's operations need.

AWS: S3 user guide, "Required permissions for Amazon S3 API operations". The
request itself is read, as moto's S3 does; of one that names several parts of a
bucket or object, all are needed, since moto may answer with any of them.
"""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

from localstage.door.call import AwsCall
from localstage.policy.document import Need

_VIRTUAL_HOST = re.compile(r"^(.+)\.s3[.-]")
_BUCKET_PARTS = {  # The query's word: the action after Get, Put or Delete.
    "location": "BucketLocation",
    "versioning": "BucketVersioning",
    "policy": "BucketPolicy",
    "tagging": "BucketTagging",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "cors": "BucketCORS",
    "acl": "BucketAcl",
    "website": "BucketWebsite",
    "notification": "BucketNotification",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "ownershipControls": "BucketOwnershipControls",
    "logging": "BucketLogging",
    "accelerate": "AccelerateConfiguration",
    "replication": "ReplicationConfiguration",
    "object-lock": "BucketObjectLockConfiguration",
    "requestPayment": "BucketRequestPayment",
    "policyStatus": "BucketPolicyStatus",
    "inventory": "InventoryConfiguration",
}
_LISTS = {"versions": "s3:ListBucketVersions", "uploads": "s3:ListBucketMultipartUploads"}
_DELETED_BY_PUT = {
    "tagging",
    "encryption",
    "lifecycle",
    "cors",
    "publicAccessBlock",
    "ownershipControls",
    "replication",
}
_OBJECT_PARTS = {
    "tagging": "ObjectTagging",
    "acl": "ObjectAcl",
    "retention": "ObjectRetention",
    "legal-hold": "ObjectLegalHold",
    "attributes": "ObjectAttributes",
}
_VERBS = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "POST": "Put", "DELETE": "Delete"}


def needs(call: AwsCall) -> list[Need]:
    """The needs of one call."""
    bucket, key = _bucket_and_key(call)
    if not bucket:
        return [call.need("s3:ListAllMyBuckets")]
    bucket_arn = f"arn:aws:s3:::{bucket}"
    return _of_object(call, f"{bucket_arn}/{key}") if key else _of_bucket(call, bucket_arn)


def _bucket_and_key(call: AwsCall) -> tuple[str, str]:
    path = unquote(call.raw_path).lstrip("/")
    virtual = _VIRTUAL_HOST.match(call.headers.get("host", ""))
    if virtual:
        return virtual.group(1), path
    bucket, _, key = path.partition("/")
    return bucket, key


def _of_bucket(call: AwsCall, arn: str) -> list[Need]:
    if call.method == "POST" and "delete" in call.query:
        return [
            call.need("s3:DeleteObjectVersion" if version else "s3:DeleteObject", f"{arn}/{key}")
            for key, version in _deleted(call.body)
        ]
    parts = [name for name in call.query if name in _BUCKET_PARTS]
    if not parts and call.method in ("PUT", "DELETE"):
        return [call.need("s3:CreateBucket" if call.method == "PUT" else "s3:DeleteBucket", arn)]
    listed = {f"s3:{name}": call.query[name] for name in ("prefix", "delimiter", "max-keys") if name in call.query}
    lists = [Need(_LISTS[name], arn, listed) for name in call.query if name in _LISTS]
    return [*(_of_part(call, part, arn) for part in parts), *lists] or [Need("s3:ListBucket", arn, listed)]


def _of_part(call: AwsCall, part: str, arn: str) -> Need:
    # AWS has no action of its own to take these away: it is the Put action.
    verb = "Put" if call.method == "DELETE" and part in _DELETED_BY_PUT else _VERBS.get(call.method, "Get")
    return call.need(f"s3:{verb}{_BUCKET_PARTS[part]}", arn)


def _of_object(call: AwsCall, arn: str) -> list[Need]:
    version = "versionId" in call.query
    parts = [name for name in call.query if name in _OBJECT_PARTS]
    if parts:
        return [call.need(f"s3:{_VERBS.get(call.method, 'Get')}{_action_on(part, version)}", arn) for part in parts]
    if "uploadId" in call.query and call.method in ("GET", "DELETE"):
        return [call.need("s3:ListMultipartUploadParts" if call.method == "GET" else "s3:AbortMultipartUpload", arn)]
    if call.method in ("PUT", "POST"):
        source = unquote(call.headers.get("x-amz-copy-source", "")).lstrip("/").partition("?")[0]
        read = [call.need("s3:GetObject", f"arn:aws:s3:::{source}")] if source else []
        return [*read, call.need("s3:PutObject", arn)]
    return [call.need(f"s3:{_VERBS.get(call.method, 'Get')}Object{'Version' if version else ''}", arn)]


def _action_on(part: str, version: bool) -> str:
    suffix = "Version" if version and part in ("tagging", "acl") else ""
    return _OBJECT_PARTS[part].replace("Object", f"Object{suffix}", 1)


def _deleted(body: bytes) -> list[tuple[str, bool]]:
    """The keys of a DeleteObjects request, each with whether a version is named; [("*", False)] if unreadable."""
    try:
        root = ElementTree.fromstring(body)  # nosec B314: signed; expat bounds what entities become
    except ElementTree.ParseError:
        return [("*", False)]
    objects = [element for element in root if element.tag.endswith("Object")]
    found = [({child.tag.rpartition("}")[2]: child.text or "" for child in element}) for element in objects]
    return [(entry.get("Key", ""), "VersionId" in entry) for entry in found] or [("*", False)]
