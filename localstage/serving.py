"""The emulator's process: starts it, says that it is ready, waits for the end, stops it.

Ends on SIGTERM, SIGINT, SIGHUP (the terminal is closed), SIGQUIT or, where a parent
started it, when the parent's end of standard input is closed: it never outlives
who started it. What one that was killed has left, the next one removes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from localstage.door.seams import MotoHasChanged
from localstage.emulator import Emulator
from localstage.functions.private import keep_private
from localstage.functions.stragglers import end_stragglers
from localstage.port.server import LOOPBACK, PortBusy
from localstage.settings import Settings
from localstage.state import (
    NOTE_NAME,
    READY,
    RunningEmulator,
    forget_dead_emulators,
    note_path,
    remove_note,
    write_note,
)
from localstage.work_dir import claim, new_work_dir, sweep

_ENDING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
"""The last two are not Windows's."""
_ENOUGH_FILES = 65_536
_MACOS_MOST_FILES = 10_240


def serve(settings: Settings, work_dir: Path | None = None, owned: bool = False) -> int:
    """Runs an emulator until it is told to end; returns the exit status.

    ``owned`` says that a parent holds our standard input. With ``work_dir`` the
    note is written there, too.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # A profile or endpoint of the user's would lead moto's own clients astray.
    keep_private()
    _raise_open_files_limit()
    directory = work_dir
    try:
        directory = directory or new_work_dir()
        with claim(directory):
            _clear_up_after_others()
            return asyncio.run(_serve(settings, directory, owned))
    except (PortBusy, MotoHasChanged) as error:
        print(f"localstage: {error}", file=sys.stderr)
    except OSError as error:
        what = f"{error.strerror or error} ({error.filename or directory or 'the temporary folder'})"
        print(f"localstage: its files cannot be written: {what}. {_WHERE}", file=sys.stderr)
    finally:
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
    return 2


_WHERE = "TMPDIR and LOCALSTAGE_STATE_DIR name other folders for them."


def _clear_up_after_others() -> None:
    """Removes the notes, processes and folders of emulators that were killed."""
    with suppress(OSError):  # Then nothing can be noted either, which is told where it is tried.
        for dead in forget_dead_emulators():
            end_stragglers(f"{LOOPBACK}:{dead.port}/")
    sweep()


async def _serve(settings: Settings, directory: Path, owned: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in _ENDING:
        if hasattr(signal, name):
            _on_signal(loop, getattr(signal, name), stop)
    if owned:
        Thread(target=_watch_parent, args=(loop, stop), daemon=True).start()
    emulator = Emulator(settings, directory)
    access = await emulator.start()
    port = int(access.url.rpartition(":")[2])
    note = RunningEmulator(os.getpid(), port, str(directory), access)
    try:
        if owned:
            write_note(note, directory / NOTE_NAME)
        with suppress(*[OSError] if owned else []):  # Who has started it finds it without.
            write_note(note, note_path(port))
        print(f"{READY} at {access.url}", flush=True)
        print(f"What it does is shown at {access.url}/_localstage/", flush=True)
        if access.pages_url:
            print(f"Pages at {access.pages_url}", flush=True)
        await _first_of(stop.wait(), emulator.loaded())
        gc.freeze()  # A collection need not walk through all modules again and again.
        gc.enable()
        await stop.wait()
    finally:
        await emulator.stop()
        remove_note(note_path(port))  # Last: who waits for the end waits for this.
    return 0


async def _first_of(*waiting: Coroutine[Any, Any, Any]) -> None:
    """Returns when one of them does; raises what one has raised."""
    tasks = [asyncio.ensure_future(one) for one in waiting]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    for task in done:
        task.result()


def _on_signal(loop: asyncio.AbstractEventLoop, number: signal.Signals, stop: asyncio.Event) -> None:
    try:
        loop.add_signal_handler(number, stop.set)
    except NotImplementedError:  # Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    try:
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    if not loop.is_closed():
        loop.call_soon_threadsafe(stop.set)


def _raise_open_files_limit() -> None:
    """Raises how many files and sockets this process may have open, as far as is useful and allowed.

    A system's default is often 1,024, on macOS 256, and each connection is a socket. Windows has no such limit.
    """
    try:
        import resource
    except ImportError:
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (_ENOUGH_FILES, _MACOS_MOST_FILES):
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        if limit <= now:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
            return
        except (ValueError, OSError):
            continue  # macOS calls its maximum infinite and refuses more than 10,240.
