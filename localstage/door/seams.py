"""Every place where localstage takes hold of moto's inside, in one table.

moto documents none of this. A release that renames one of these things is told
at the start, in one sentence, instead of by a hundred failing tests. Rooms put
their own in moto's place with ``replace`` and ``add``, which take what
stands in the table alone; a test walks it, and another looks for private names
that it lacks. Besides, ``MotoServer.load`` sets a variable of moto's, and leaves out
what moto's packages would load or compile at their start for what nobody does here.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any

MOTO = "5.2.5"
"""The release that localstage takes hold of, as in requirements.txt; its neighbours may lack what is named here."""

REPLACED = (
    "moto.apigateway.urls:url_paths",
    "moto.apigatewayv2.models:apigatewayv2_backends.backend",
    "moto.apigatewayv2.urls:url_paths",
    "moto.awslambda.models:LambdaFunction",
    "moto.awslambda.models:lambda_backends.backend",
    "moto.awslambda.urls:url_paths",
    "moto.cloudformation.models:cloudformation_backends.backend",
    "moto.cloudformation.urls:url_paths",
    "moto.core.base_backend:Session",
    "moto.core.common_models:BaseModel.__new__",
    "moto.core.responses:method_names_from_class",
    "moto.core.serialize:SERVICE_SPECIFIC_SERIALIZERS",
    "moto.core.utils:Session",
    "moto.core.utils:create_loader",
    "moto.dynamodb.urls:url_paths",
    "moto.iam.models:IAMPolicyDocumentValidator",
    "moto.iam.models:iam_backends.backend",
    "moto.iam.urls:url_paths",
    "moto.logs.models:LogGroup.filter_log_events",
    "moto.s3.models:FakeBucket.get_permission",
    "moto.sts.urls:url_paths",
)
"""In the place of these something of localstage's is put, or, of URLs and serializers, beside them."""

USED = (
    # How moto reads calls and writes answers: call.py, answers.py.
    "moto.core.loaders:Loader._find_extras",
    "moto.core.model:OperationModel",
    "moto.core.model:ServiceModel",
    "moto.core.parse:PROTOCOL_PARSERS",
    "moto.core.request:PRESERVED_HEADER_NAMES_ENVIRON_KEY",
    "moto.core.request:should_preserve_original_header_name",
    "moto.core.request:determine_request_protocol",
    "moto.core.routing:get_service_router",
    "moto.core.serialize:ResponseSerializer.serialize",
    "moto.core.serialize:SerializationContext",
    "moto.core.serialize:get_serializer_class",
    "moto.core.serialize:BaseJSONSerializer._get_protocol_specific_error_code",
    "moto.core.serialize:BaseJSONSerializer._serialize_error_metadata",
    "moto.core.serialize:BaseJSONSerializer._serialize_type_structure",
    "moto.core.serialize:JSONSerializer._default_serialize",
    "moto.core.serialize:BaseJSONSerializer._serialize_query_compatible_error_to_response",
    "moto.core.serialize:BaseXMLSerializer._serialize_body",
    "moto.core.serialize:BaseXMLSerializer._serialize_error_metadata",
    "moto.core.utils:convert_to_flask_response.callback",
    "moto.core.utils:get_service_model",
    "moto.core.utils:service_name_from_moto_package_name",
    "moto.moto_server.werkzeug_app:DomainDispatcherApplication.get_application",
    "moto.moto_server.werkzeug_app:DomainDispatcherApplication.get_backend_for_host",
    "moto.moto_server.werkzeug_app:create_backend_app",
    "moto.moto_api:recorder._record_request",
    # What moto's response classes give to their subclasses.
    "moto.core.responses:BaseResponse._get_action",
    "moto.core.responses:BaseResponse._get_bool_param",
    "moto.core.responses:BaseResponse._get_int_param",
    "moto.core.responses:BaseResponse._get_param",
    "moto.core.responses:BaseResponse.normalized_request",
    # What moto keeps of an account and shows no other way.
    "moto.awslambda.models:LambdaBackend._event_source_mappings",
    "moto.awslambda.models:LambdaBackend._lambdas",
    "moto.awslambda.models:LambdaStorage._functions",
    "moto.cognitoidp.models:CognitoIdpUserPool._get_user",
    "moto.cognitoidp.models:jwt.encode",
    "moto.iam.models:IAMBackend._init_aws_policies",
    "moto.iam.policy_validation:IAMPolicyDocumentValidator._validate_version",
    "moto.moto_api._internal:mock_random",
    "moto.sns.models:Topic._policy_json",
    "moto.sqs.models:Queue._messages",
    "moto.sqs.models:Queue.pending_messages",
    "moto.sqs.models:SQSBackend.receive_message",
)
"""These are called, read or overridden, private or undocumented as they are."""


class MotoHasChanged(Exception):
    """moto lacks something that localstage takes hold of."""

    def __init__(self, seam: str):
        where, _, name = seam.partition(":")
        super().__init__(f"moto {version('moto')} no longer has {where}.{name}: localstage needs moto {MOTO}.")


def moto_is_known() -> bool:
    """Whether moto is the release that has all of the table, as the tests have seen: it need not be looked for first."""
    return version("moto") == MOTO


def check(*, loaded_only: bool = False) -> None:
    """Looks for all of the table; with ``loaded_only`` in moto's core and the modules that are there.

    Raises MotoHasChanged. The core is always there but where another release does without some of it.
    """
    for seam in (*REPLACED, *USED):
        if not loaded_only or seam.startswith("moto.core.") or seam.partition(":")[0] in sys.modules:
            _find(seam)


def replace(seam: str, ours: Any) -> None:
    """Puts something in the place of moto's: a class, or the maker of a service's backends. Raises MotoHasChanged."""
    assert seam in REPLACED, f"{seam} is not in the table of seams"
    _find(seam)
    module, _, path = seam.partition(":")
    owner, _, name = path.rpartition(".")
    setattr(_walk(import_module(module), owner), name, ours)


def add(seam: str, entries: Mapping[str, Any]) -> None:
    """Adds to a table of moto's, such as the URLs that it routes by, or replaces some. Raises MotoHasChanged."""
    assert seam in REPLACED, f"{seam} is not in the table of seams"
    _find(seam).update(entries)


def import_without(module: str, deferred: str, names: Iterable[str], **values: Any) -> None:
    """Imports a module without another one that it takes some names from, which is imported when it is used.

    ``moto.cloudformation`` needs the models of thirty services for its own stack engine, which is not used here:
    150 MB of data and more than a second. The names stand for callables that import the module in earnest; so does
    any later import of it, and whatever else is asked of it later by who has it under its own name. ``values`` are
    taken as they are. Does nothing where either is there already.
    """
    if module in sys.modules or deferred in sys.modules:
        return
    package, _, last = deferred.rpartition(".")
    stand_in = ModuleType(deferred)
    vars(stand_in).update({name: partial(_call_in, deferred, name) for name in names}, **values)
    sys.modules[deferred] = stand_in
    try:
        import_module(module)
    finally:
        del sys.modules[deferred]
        if package in sys.modules:
            vars(sys.modules[package]).pop(last, None)
    vars(stand_in)["__getattr__"] = partial(_get_in, deferred)


def _get_in(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _call_in(module: str, name: str, *arguments: Any, **options: Any) -> Any:
    return _get_in(module, name)(*arguments, **options)


def _find(seam: str) -> Any:
    module, _, path = seam.partition(":")
    try:
        return _walk(import_module(module), path)
    except (ImportError, AttributeError):
        raise MotoHasChanged(seam) from None


def _walk(owner: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        owner = None if _sets(owner, name) else getattr(owner, name)
    return owner


def _sets(owner: Any, name: str) -> bool:
    """Whether instances of a class get an attribute of this name in one of its methods."""
    if not inspect.isclass(owner) or hasattr(owner, name):
        return False
    methods = (method for base in owner.__mro__ for method in vars(base).values() if inspect.isfunction(method))
    return any(name in method.__code__.co_names for method in methods)
