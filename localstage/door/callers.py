"""Who acts in the account: what moto's answers and extensions ask about callers and roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localstage.door.signatures.verification import KnownKey

if TYPE_CHECKING:
    from localstage.stacks.account_apis import FindCaller


@dataclass(frozen=True)
class Callers:
    """The questions, each with who answers it."""

    find_key: Callable[[str], KnownKey | None]
    """Whose an access key is."""
    of_stack: FindCaller
    """For whom a stack acts. Raises RoleNotAssumable."""
    may_assume: Callable[[str, str], bool]
    """Whether a service (``lambda.amazonaws.com``) may assume a role (its ARN)."""


class RoleNotAssumable(Exception):
    """A service was given a role that does not exist or does not trust it."""


def caller_of(response: Any) -> str:
    """The access key id of the request that a moto response answers (moto_server.py gives pre-signed ones a header)."""
    return str(response.get_access_key())
