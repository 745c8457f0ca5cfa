"""Whether a message's body satisfies the request model of its route.

AWS: FIDELITY section 2; DG "request validation". A route that has models names
with its model selection expression which one applies; ``$default`` else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from localstage.core.selection import evaluate


def satisfies_model(expression: str | None, models: Mapping[str, str], body: str) -> bool:
    """Whether the body is valid; without a model for it, any body is. ``models`` are JSON schema texts."""
    key = evaluate(expression, body) if expression else None
    schema_text = models.get(key) if key is not None else None
    schema_text = schema_text or models.get("$default")
    if schema_text is None:
        return True
    import jsonschema  # Imported late: it takes a tenth of a second, and few APIs have models.

    try:
        # Models are written in draft 4 of JSON Schema.
        jsonschema.Draft4Validator(json.loads(schema_text)).validate(json.loads(body))
    except (ValueError, jsonschema.ValidationError, jsonschema.SchemaError):
        return False
    return True
