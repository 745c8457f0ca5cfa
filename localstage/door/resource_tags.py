"""The tags of what a call is about, for the condition key ``aws:ResourceTag``.

AWS: Service Authorization Reference names the actions that have the key. Here
the tags are found of tables, functions, users and roles, and of APIs with what
belongs to them; of other resources none. Plain reads of moto's books.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localstage.door.moto_books import backend_of
from localstage.services.iam import reader


class ResourceTags:
    """The tags of one account's resources."""

    def __init__(self, account_id: str):
        self._account_id = account_id
        self._finders: dict[str, Callable[[str, str], Mapping[str, str]]] = {
            "apigateway": self._of_api,
            "dynamodb": self._of_table,
            "lambda": self._of_function,
        }

    def of(self, arn: str) -> Mapping[str, str]:
        """The tags of a resource by its ARN."""
        fields = arn.split(":", 5)
        if len(fields) < 6:
            return {}
        if fields[2] == "iam":
            return reader.tags_of(reader.find_entity(arn))
        find = self._finders.get(fields[2])
        return find(fields[3], fields[5]) if find is not None else {}

    def _of_api(self, region: str, path: str) -> Mapping[str, str]:
        """What belongs to an API has the API's tags too; a stage has its own besides."""
        backend = backend_of("apigatewayv2", self._account_id, region)
        parts = path.strip("/").split("/")
        if backend is None or parts[0] != "apis" or len(parts) < 2:
            return {}
        api_arn = f"arn:aws:apigateway:{region}::/apis/{parts[1]}"
        tags = dict(backend.get_tags(api_arn))
        if len(parts) > 3 and parts[2] == "stages":
            tags.update(backend.get_tags(f"{api_arn}/stages/{parts[3]}"))
        return tags

    def _of_table(self, region: str, name: str) -> Mapping[str, str]:
        backend = backend_of("dynamodb", self._account_id, region)
        table = backend.tables.get(name.split("/")[1]) if backend is not None and "/" in name else None
        return {tag["Key"]: tag["Value"] for tag in table.tags} if table is not None else {}

    def _of_function(self, region: str, name: str) -> Mapping[str, str]:
        function: Any = function_named(self._account_id, region, name)
        return dict(function.tags) if function is not None else {}


def function_named(account_id: str, region: str, resource: str) -> Any:
    """moto's function with the resource part ``function:{name}`` of an ARN, or None."""
    backend = backend_of("lambda", account_id, region)
    kind, _, rest = resource.partition(":")
    found = backend._lambdas._functions.get(rest.partition(":")[0]) if backend and kind == "function" else None
    return found["latest"] if found else None
