"""How many parts an API may have, and how long an access log format may be.

AWS: FIDELITY section 5. The numbers are those of a new account; on AWS most can
be raised, here none. Knows only counts: who asks says what is counted.
"""

from __future__ import annotations

from moto.apigatewayv2.exceptions import BadRequestException

from localstage.services.apigatewayv2.exceptions import QuotaExceeded

MOST_OF_AN_API = {"Authorizers": 10, "Integrations": 300, "Routes": 300, "Stages": 10}
ACCESS_LOG_FORMAT_LIMIT_BYTES = 3 * 1024


def check_room_for_one_more(what: str, there: int) -> None:
    """Raises QuotaExceeded if an API has as many of ``what`` as it may have."""
    if there >= MOST_OF_AN_API[what]:
        raise QuotaExceeded(what)


def check_access_log_format(log_format: str | None) -> None:
    """Raises BadRequestException for a format over 3 KB or on several lines."""
    if not log_format:
        return
    size = len(log_format.encode("utf-8"))
    if size > ACCESS_LOG_FORMAT_LIMIT_BYTES:
        # Guess: the text.
        raise BadRequestException(
            f"Access Log format must be at most {ACCESS_LOG_FORMAT_LIMIT_BYTES} bytes, not {size}"
        )
    if "\n" in log_format.rstrip("\n"):
        # ministryofjustice/cloud-platform-environments#12962 shows the text.
        raise BadRequestException(
            "Access Log format must be single line, new line character is allowed only at end of the format"
        )
