"""What a client has sent, checked: a client may send anything, so no function reads a frame on its own."""

import json

NAME_LIMIT = 60  # characters


class Refused(ValueError):
    """The frame is not acceptable; the text says why, in words for its sender."""


def read_body(event):
    """Return the JSON object that a client sent. Raises Refused."""
    try:
        body = json.loads(event.get("body") or "")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("The message is not a JSON object.")
    return body


def verified_name(request):
    """Return the name that authorizer.py has found in the connection's token; None in a chat that asks for none."""
    return request.get("authorizer", {}).get("name")


def read_room(body):
    """Return the room that a client names. Raises Refused."""
    return short_text(body.get("room"), "room")


def read_name(request, body):
    """Return a client's name: the verified one, else what it says, else its connection id. Raises Refused."""
    return verified_name(request) or short_text(body.get("name") or request["connectionId"], "name")


def read_text(body):
    """Return the text of a message. Raises Refused."""
    text = body.get("message") or ""
    if not isinstance(text, str):
        raise Refused("The message must be text.")
    if not text.strip():
        raise Refused("The message is empty.")
    return text


def read_number(body, key):
    """Return the number of a message that a client refers to, or None if it names none. Raises Refused."""
    number = body.get(key)
    if number is not None and (type(number) is not int or not 0 <= number < 2**53):
        raise Refused(f"`{key}` must be the number of a message.")
    return number


def short_text(text, what):
    if not isinstance(text, str) or not text.strip() or len(text) > NAME_LIMIT or not text.isprintable():
        raise Refused(f"A {what} must be text of 1 to {NAME_LIMIT} characters, in one line.")
    return text.strip()
