"""What would invoke a function by itself: refused by name where it is set up, since nothing here would run it.

Each service is guarded before its first call, so that none is loaded in vain.
This package extends moto by subclassing; it knows no functions. SNS and Lambda's
own event sources are refused in their packages.
"""

from __future__ import annotations

from importlib import import_module

from localstage.door import seams

__all__ = ["SERVICES", "guard"]

SERVICES = {
    "logs": "logs",
    "s3": "s3",
    "events": "events",
    "scheduler": "scheduler",
    "cognito-idp": "cognitoidp",
    "secretsmanager": "secretsmanager",
}
"""The services that are guarded, by the name they are signed for; moto's name of each."""
LOADED_ANYWAY = ("logs", "s3", "events")
"""Those that moto's Lambda brings."""


def guard(service: str) -> None:
    """Makes moto refuse what this service would invoke a function for. Idempotent; other names do nothing.

    Must be called on the account thread, before moto makes a backend of the service.
    """
    name = SERVICES.get(service)
    if name is not None:
        own = import_module(f"localstage.services.triggers.{name}").Backend
        seams.replace(f"moto.{name}.models:{name}_backends.backend", own)
