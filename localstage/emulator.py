"""localstage put together: the port, the account behind it, functions and the gateway.

``start`` returns when every call would be answered; ``stop`` when no process,
port, thread or file of it is left. Lives on one event loop.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from localstage.clock import Clock, SystemClock
from localstage.environment import Access, proxy_settings
from localstage.functions.definition import FunctionDefinition
from localstage.functions.service import Functions
from localstage.gateway.executions import GatewayAccount
from localstage.gateway.gateway import Gateway
from localstage.gateway.handshake import Handshakes
from localstage.gateway.integrations import Integrations
from localstage.gateway.management_api import ManagementApi
from localstage.port.certificates import Authority
from localstage.port.pages import PAGES_PATH, Pages
from localstage.port.server import LOOPBACK, Handlers, Port
from localstage.services.account import Account
from localstage.services.logs.log_writer import PermittedLogs
from localstage.settings import Settings
from localstage.status.activity import Activity
from localstage.status.answers import Status


class AlreadyStarted(Exception):
    """Another one has been started in this process."""

    def __init__(self) -> None:
        super().__init__(
            "This process has started localstage before, and its AWS account belongs to that one; "
            "start each further one in a process of its own (localstage.LocalStage does that)."
        )


_OWN_CA = "ca.pem"


class Emulator:
    """AWS's place, taken by this process. ``work_dir`` must exist and belong to the emulator alone.

    A process can run one in its life: moto's state is the process's, and a
    second one would take over the first one's account.
    """

    _started = False

    def __init__(self, settings: Settings, work_dir: Path, clock: Clock | None = None):
        self._settings = settings
        self._work_dir = work_dir
        self._authority = Authority()
        clock = clock or SystemClock()
        self._account = Account(settings, clock)
        self._keys, denial = self._account.keys, self._account.permissions.denial_of_execute_api
        logs = PermittedLogs(self._account.logs, self._account.permissions, self._keys.of_function)
        self._activity = Activity(self._account.telemetry, logs, clock.now_ms)
        self._functions = Functions(
            settings=settings,
            runtime_api_address=lambda: f"{LOOPBACK}:{self._port.number}",
            function_environment=self._function_environment,
            work_dir=work_dir / "functions",
            log_sink=self._activity,
        )
        integrations = Integrations(self._account.functions, self._functions, settings.allow_host)
        self._gateway = Gateway(settings, clock, GatewayAccount(self._account.stages, integrations, self._activity))
        self._account.use_functions(self._functions)
        door = self._account.door
        self._port = Port(
            self._authority,
            Handlers(
                aws_api=self._activity.beside(door.answer),
                handshake=Handshakes(self._gateway, self._account.verifier, denial).answer,
                management=door.management(ManagementApi(self._gateway, denial).answer),
                emulator=Status(settings, self._gateway, self._functions, self._activity, self._url).answer,
                runtime_api=self._functions.handle_runtime_request,
                pages=Pages(settings.pages, settings.more_pages).answer,
                is_known=lambda request: self._functions.knows(request.target) or door.knows(request),
            ),
            settings.pages_for_any_host,
        )

    async def start(self) -> Access:
        """Opens the port; returns how programs reach it. Raises PortBusy, AlreadyStarted, MotoHasChanged.

        Calls of AWS's APIs wait for moto, which is loaded meanwhile.
        """
        if Emulator._started:
            raise AlreadyStarted
        Emulator._started = True
        (self._work_dir / "functions").mkdir(exist_ok=True)
        self._authority.write_bundle(self._work_dir / "ca-bundle.pem")
        self._authority.write_own(self._work_dir / _OWN_CA)
        for name in ("aws-config", "aws-credentials"):
            (self._work_dir / name).touch()
        await self._port.start(self._settings.port)
        try:
            await self._account.start()
        except BaseException:
            await self._port.stop()
            raise
        return self._access()

    async def loaded(self) -> None:
        """Returns when all is loaded and no call waits for it. Raises MotoHasChanged."""
        await self._account.loaded()

    async def stop(self) -> None:
        """Ends connections, functions and the port, and removes its files."""
        self._activity.stop()
        await self._gateway.stop()
        await self._functions.stop()
        await self._port.stop()
        self._account.stop()
        shutil.rmtree(self._work_dir, ignore_errors=True)

    def _url(self) -> str:
        return f"http://{LOOPBACK}:{self._port.number}"

    def _access(self) -> Access:
        return Access(
            url=self._url(),
            proxy_url=self._port.proxy_url,
            region=self._settings.region,
            access_key_id=self._keys.learner.access_key_id,
            secret_access_key=self._keys.learner.secret_access_key,
            ca_bundle=str(self._work_dir / "ca-bundle.pem"),
            aws_config_file=str(self._work_dir / "aws-config"),
            aws_credentials_file=str(self._work_dir / "aws-credentials"),
            pages_url=f"{self._url()}{PAGES_PATH}" if self._settings.pages else "",
        )

    def _function_environment(self, definition: FunctionDefinition) -> Mapping[str, str]:
        """What a function's environment gets from the emulator: AWS is reached as on AWS, through the proxy."""
        access = self._access()
        key = self._keys.of_function(definition.arn, definition.role_arn)
        return {
            **proxy_settings(access.proxy_url, access.ca_bundle, {}),
            # boto3 calls AWS's hosts only, and would read the 140 public roots, 25 ms, for each connection.
            "AWS_CA_BUNDLE": str(self._work_dir / _OWN_CA),
            "NODE_EXTRA_CA_CERTS": str(self._work_dir / _OWN_CA),  # Node.js has the public roots itself.
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_SESSION_TOKEN": key.session_token or "",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": access.aws_config_file,
            "AWS_SHARED_CREDENTIALS_FILE": access.aws_credentials_file,
        }
