"""What the tests with invented input share: how many examples, and values to begin with.

A few in the suite, the same in each run; as many as you like, new ones each time, with
``FUZZ_EXAMPLES=5000 python -m pytest tests -k invented``.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_IN_THE_SUITE = 25
_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", _IN_THE_SUITE))

invented = settings(
    max_examples=_EXAMPLES,
    derandomize=_EXAMPLES == _IN_THE_SUITE,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
"""A decorator for each test with invented input."""

texts = st.text(max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
