"""How the course gets onto a machine: ``.venv``, its packages, and the start of what runs in it.

Standard library only, since it runs before anything is installed. Does not
know: localstage, lessons, AWS.
"""


class CannotGoOn(Exception):
    """Bad input, or a machine that lacks something. The text is one sentence that says what to do."""
