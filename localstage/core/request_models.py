"""Whether a message's body satisfies the request model of its route.

AWS: FIDELITY section 2; DG "request validation". A route that has models names
with its model selection expression which one applies; ``$default`` else.
"""

from __future__ import annotations

from collections.abc import Mapping

from localstage.core.selection import evaluate
from localstage.core.strict_json import read_json


def satisfies_model(expression: str | None, models: Mapping[str, str], body: str) -> bool:
    """Whether the body is valid; without a model for it, any body is. ``models`` are JSON schema texts."""
    key = evaluate(expression, body) if expression else None
    schema_text = models.get(key) if key is not None else None
    schema_text = schema_text or models.get("$default")
    if schema_text is None:
        return True
    import jsonschema  # Imported late: it takes a tenth of a second, and few APIs have models.
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        # Models are written in draft 4 of JSON Schema. A registry of our own fetches nothing from elsewhere.
        jsonschema.Draft4Validator(read_json(schema_text), registry=Registry()).validate(read_json(body))
    except (ValueError, RecursionError, jsonschema.ValidationError, jsonschema.SchemaError, Unresolvable):
        return False
    return True
