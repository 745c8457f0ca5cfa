"""One emulator in one process."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, sys
from pathlib import Path
from localstage.emulator import AlreadyStarted, Emulator
from localstage.settings import Settings

async def main():
    first, second = (Path(sys.argv[1]) / name for name in ("first", "second"))
    first.mkdir(), second.mkdir()
    one = Emulator(Settings(port=0), first)
    await one.start()
    try:
        await Emulator(Settings(port=0), second).start()
    except AlreadyStarted as error:
        print(error)
    await one.stop()

asyncio.run(main())
"""


def test_emulator_when_the_process_has_one_already(tmp_path: Path):
    """A second one in a process is refused with a sentence: it would take over the first one's account."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        text=True,
        capture_output=True,
        timeout=180,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("This process has started localstage before")
