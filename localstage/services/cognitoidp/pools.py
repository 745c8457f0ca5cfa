"""What triggers are about in moto's user pools, read and changed on the account thread."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from localstage.door.call import AwsCall
from localstage.door.moto import existing_backend, existing_backends
from localstage.services.cognitoidp.events import BUILT, Subject, overridden


class Pool:
    """The pool that a call is about."""

    def __init__(self, pool: Any, client_id: str):
        self._pool = pool
        self._client_id = client_id

    @property
    def functions(self) -> dict[str, str]:
        """The ARN of the function that each trigger invokes."""
        config = self._pool.extended_config.get("LambdaConfig") or {}
        newer = (config.get("PreTokenGenerationConfig") or {}).get("LambdaArn")
        config = {**config, "PreTokenGeneration": newer or config.get("PreTokenGeneration")}
        return {trigger: config[trigger] for trigger in BUILT if config.get(trigger)}

    @property
    def names_users(self) -> bool:
        """Whether users sign up with an address, and the pool gives them names."""
        return bool(self._pool.extended_config.get("UsernameAttributes"))

    @property
    def hides_who_exists(self) -> bool:
        """Whether the app's sign-in does not tell that a user does not exist."""
        client = self._pool.clients.get(self._client_id)
        return client is not None and client.extended_config.get("PreventUserExistenceErrors") == "ENABLED"

    def newcomer(self, name: str, attributes: Mapping[str, str]) -> Subject:
        """Somebody who is to become a user; who comes with an address gets a name."""
        kinds = self._pool.extended_config.get("UsernameAttributes")
        if not kinds:
            return self._subject(name, attributes)
        kind = "email" if "@" in name else "phone_number"
        return self._subject(str(uuid.uuid4()), {**attributes, kind: name})

    def stranger(self, name: str) -> Subject:
        """Somebody who is no user, and is not told so."""
        return self._subject(name, {})

    def user(self, name: str) -> Subject | None:
        """A user by name, or by the address that stands for it."""
        user = self._pool._get_user(name)
        if user is None:
            return None
        # AWS: as captured in github.com/floci-io/floci issue 3850.
        attributes = {**user.attribute_lookup, "cognito:user_status": user.status.value}
        return self._subject(user.username, attributes, tuple(sorted(group.group_name for group in user.groups)))

    def user_of(self, call: AwsCall) -> Subject | None:
        """Whose access token a call has."""
        return self.user(self._pool.access_tokens[call.text("AccessToken")][1])

    def verifies(self, attributes: Iterable[str]) -> bool:
        """Whether the pool verifies one of these attributes when it changes."""
        return not set(attributes).isdisjoint(self._pool.extended_config.get("AutoVerifiedAttributes") or ())

    def user_of_token(self, id_token: str) -> Subject | None:
        """To whom a token was given."""
        given = self._pool.id_tokens.get(id_token)
        return self.user(given[1]) if given is not None else None

    def rename(self, name: str, new_name: str) -> str:
        """Gives a user the name that its trigger was told; returns the one that moto had given it."""
        user = self._pool._get_user(name)
        old_name: str = user.username
        user.id = user.username = new_name
        user.update_attributes([{"Name": "sub", "Value": new_name}])
        self._pool.users[new_name] = self._pool.users.pop(old_name)
        return old_name

    def admit(self, name: str, response: Mapping[str, Any]) -> bool:
        """Verifies and confirms a new user as PreSignUp's response says; returns whether it is confirmed."""
        user = self._pool.users[name]
        for attribute, verifies in (("email", "autoVerifyEmail"), ("phone_number", "autoVerifyPhone")):
            if response.get(verifies) and attribute in user.attribute_lookup:
                user.update_attributes([{"Name": f"{attribute}_verified", "Value": "true"}])
        if response.get("autoConfirmUser"):
            user.status = type(user.status).CONFIRMED
        return bool(response.get("autoConfirmUser"))

    def token_again(self, id_token: str, response: Mapping[str, Any]) -> str:
        """The ID token in an old one's place, with the claims that the function has changed."""
        from moto.cognitoidp.models import jwt  # The package of its choice, which it alone needs.

        head, claims, _ = id_token.split(".")
        changed = overridden(_decoded(claims), response)
        token = jwt.encode(_decoded(head), changed, self._pool.json_web_key)
        self._pool.id_tokens[token] = self._pool.id_tokens.pop(id_token)
        return token

    def _subject(self, name: str, attributes: Mapping[str, str], groups: tuple[str, ...] = ()) -> Subject:
        pool = self._pool
        return Subject(pool.id, pool.arn, pool.region, self._client_id, name, attributes, groups, self.functions)


def pool_of(account_id: str, call: AwsCall) -> Pool | None:
    """The pool that a call names, or whose app or token it names; None if there is none."""
    pool_id, client_id, token = call.text("UserPoolId"), call.text("ClientId"), call.text("AccessToken")
    if pool_id:
        backend = existing_backend("cognitoidp", account_id, call.region)
        found = backend.user_pools.get(pool_id) if backend is not None else None
        return Pool(found, client_id) if found is not None else None
    # A call that nobody signs names no region.
    backends = existing_backends("cognitoidp", account_id)
    pools = (pool for backend in backends for pool in backend.user_pools.values())
    if token:
        return next((Pool(pool, pool.access_tokens[token][0]) for pool in pools if token in pool.access_tokens), None)
    return next((Pool(pool, client_id) for pool in pools if client_id in pool.clients), None)


def _decoded(part: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded
