"""A handshake that is refused."""


class Refused(Exception):
    """The handshake is refused with this status; ``message`` is the body's, "" for an empty body."""

    def __init__(self, status: int, message: str = ""):
        super().__init__(f"refused with {status}")
        self.status = status
        self.message = message
