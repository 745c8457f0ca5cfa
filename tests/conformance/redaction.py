"""Taking out of a text whatever is one account's, one connection's or one moment's own.

Pure. What comes twice keeps one name within a test, ``<id 1>``, so that the text still
shows what is equal to what. Does not know who wrote the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_SECRET = re.compile(
    r"""((["'])[^"']*(?:SECRET|TOKEN|PASSWORD|ACCESS_KEY|SIGNATURE|CREDENTIAL|AUTHORIZATION)[^"']*\2\s*:\s*(["']))"""
    r"""(?:(?!\3)[^\\]|\\.)+""",
    re.IGNORECASE,
)
_PATTERNS = [
    ("paths", re.compile(r'(?<=PATH": ")[^"]+|(?<=PATH\': \')[^\']+')),
    ("folder", re.compile(r"(?:[A-Za-z]:)?(?:[\\/]+[\w.~-]+)*[\\/]+localstage-\w+(?:[\\/]+[\w.-]+)*")),
    ("stream", re.compile(r"\d{4}/\d\d/\d\d/\[[^\]]+\][0-9a-f]{32}")),
    ("time", re.compile(rf"\d\d/(?:{_MONTHS})/\d{{4}}:\d\d:\d\d:\d\d \+0000")),
    ("time", re.compile(rf"\w{{3}}, \d\d (?:{_MONTHS}) \d{{4}} \d\d:\d\d:\d\d GMT")),
    ("time", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")),
    ("time", re.compile(r"datetime\.datetime\([^)]*\)(?:\))?")),
    ("time", re.compile(r"\b\d{8}T\d{6}Z")),
    ("trace", re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}[^\"'\s]*")),
    ("key", re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b")),
    ("nonce", re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{22}==")),
    ("uuid", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")),
    ("id", re.compile(r"(?<![\w-])[\w-]{10,22}={1,2}(?![\w=])")),
    ("secret", re.compile(r"(?<![\w+/=])[A-Za-z0-9+/]{40}(?![\w+/=])")),
    ("token", re.compile(r"[A-Za-z0-9+/_=%-]{100,}")),
    ("hash", re.compile(r"\b[0-9a-f]{32,64}\b")),
    ("account", re.compile(r"(?<![\d.])\d{12}(?![\d.])")),
    ("ms", re.compile(r"(?<![\d.])1\d{12}(?![\d.])")),
    ("port", re.compile(r"(?<=\"X-Forwarded-Port\": \")\d+|(?<=\"X-Forwarded-Port\": \[\")\d+")),
    ("number", re.compile(r"\d+(?:\.\d+)?(?= (?:ms|MB)\b)|(?<=\"integrationLatency\": )\d+|(?<=\"left\": )\d+")),
    ("address", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d+(?:/[\w-]{22})?)?(?![\d.])")),
]
_PERHAPS_IPV6 = re.compile(r"(?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])")
_NUMBERED = {"id", "uuid"}
"""Only of these it matters which is equal to which."""


class Redactor:
    """Redacts the texts of one test. ``known`` are values that no pattern can tell, with the name each shall have."""

    def __init__(self, known: Mapping[str, str]):
        self._known = sorted(((value, name) for value, name in known.items() if value), key=lambda pair: -len(pair[0]))
        self._numbers: dict[str, dict[str, int]] = {}

    def redact(self, text: str) -> str:
        """The text without secrets, ids, names, times and addresses."""
        text = _SECRET.sub(r"\1<secret>", text)
        for value, name in self._known:
            text = text.replace(value, f"<{name}>")
        for name, pattern in _PATTERNS:
            text = pattern.sub(self._naming(name), text)
        return _PERHAPS_IPV6.sub(lambda match: "<address>" if _is_address(match.group()) else match.group(), text)

    def _naming(self, name: str) -> Callable[[re.Match[str]], str]:
        def named(match: re.Match[str]) -> str:
            if name not in _NUMBERED:
                return f"<{name}>"
            numbers = self._numbers.setdefault(name, {})
            return f"<{name} {numbers.setdefault(match.group(), len(numbers) + 1)}>"

        return named


def _is_address(text: str) -> bool:
    try:
        return len(text) > 2 and bool(ip_address(text))
    except ValueError:
        return False
