"""The tests of all tiers."""

import sys

# jsonschema asks for this package, whose import costs a processor 1.7 seconds; a notebook's format needs nothing of it.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
