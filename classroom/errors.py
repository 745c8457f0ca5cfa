"""What all errors of the classroom have in common: a notebook shows their sentence, not a traceback.

The text of each says what is wrong and what to do; where it was raised would
teach a learner nothing. Outside notebooks they are ordinary exceptions.
"""

from __future__ import annotations


class OneSentence(Exception):
    """An error whose text is one sentence for a learner."""

    opening = ""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of the traceback."""
        return [f"{self.opening}{self}"]
