"""What ``sam build`` does to a serverless function's or layer's code before it is packaged, by its runtime and Metadata.

Python's requirements and Node.js's dependencies are installed beside the code;
with ``BuildMethod: esbuild`` the project's own esbuild bundles it. Any other way
of building is refused by name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from localstage.project.npm import Dependencies
from localstage.project.packaging import Built, CannotPackage, LocalCode
from localstage.project.requirements import Requirements

_LANGUAGES = ("python", "nodejs")
"""How the runtimes that can be built begin. AWS: SAM developer guide, Building Lambda layers: a layer's files lie
in a folder of the same name, where Lambda looks for them."""
_FLAGS = {"Minify": "minify", "KeepNames": "keep-names", "SourcesContent": "sources-content"}
_WORDS = {"Format": "format", "Target": "target", "Platform": "platform", "TsConfig": "tsconfig"}
_LISTS = {"External": "external", "Loader": "loader", "OutExtension": "out-extension", "Define": "define"}
_JOINED = {"MainFields": "main-fields", "Conditions": "conditions"}


class Building:
    """Builds functions' and layers' code. ``say`` is told before something takes long."""

    def __init__(self, say: Callable[[str], None] = lambda sentence: None):
        self._requirements = Requirements(say)
        self._dependencies = Dependencies(say)
        self._bundles = platformdirs.user_cache_path("localstage", appauthor=False) / "bundles"

    def build(self, code: LocalCode) -> Built | None:
        """What of the code goes into the package. Raises CannotPackage."""
        if not code.resource_type.startswith("AWS::Serverless::") or ".aws-sam" in code.path.parts:
            return None
        method = str(code.metadata.get("BuildMethod", ""))
        if method == "esbuild":
            place = hashlib.sha256(f"{code.path.resolve()} {code.logical_id}".encode()).hexdigest()[:32]
            return bundled(code, self._bundles / place)
        language = next((word for word in _LANGUAGES if method.startswith(word)), None)
        if code.is_function and (language or not method):
            return self._installed(code, code.runtime)
        if not method:
            return None  # AWS: a layer without a BuildMethod is not built.
        if language:
            installed = self._installed(code, method)
            return Built(installed.folder if installed else None, below=language)
        raise CannotPackage(
            f"{code.logical_id} has the BuildMethod {method}, which is SAM's own work: run sam build, "
            "and deploy .aws-sam/build/template.yaml."
        )

    def _installed(self, code: LocalCode, runtime: str) -> Built | None:
        if runtime.startswith("nodejs"):
            return self._dependencies.build(code)
        return self._requirements.build(code)


def bundled(code: LocalCode, folder: Path) -> Built:
    """Bundles a function with the project's esbuild into a folder, which is made anew. Raises CannotPackage.

    AWS: SAM developer guide, Building Node.js Lambda functions with esbuild.
    """
    program = esbuild_of(code.path)
    if program is None:
        raise CannotPackage(
            f"{code.logical_id} has the BuildMethod esbuild, and no node_modules of {code.path} or above has esbuild: "
            "run npm install --save-dev esbuild there."
        )
    properties = code.metadata.get("BuildProperties")
    properties = properties if isinstance(properties, dict) else {}
    entries = properties.get("EntryPoints") or ["app.js"]
    shutil.rmtree(folder, ignore_errors=True)
    words = [str(program), *map(str, entries), "--bundle", f"--outdir={folder}", *_options(code, properties)]
    done = subprocess.run(words, cwd=code.path, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "[ERROR]" in line), done.stderr.strip())
        raise CannotPackage(f"{code.logical_id}: esbuild failed: {said.replace('✘ [ERROR]', '').strip()}")
    return Built(folder, alone=True)


def esbuild_of(folder: Path) -> Path | None:
    """The esbuild in the nearest ``node_modules``, None where there is none."""
    name = "esbuild.cmd" if sys.platform == "win32" else "esbuild"
    places = (above / "node_modules" / ".bin" / name for above in (folder.resolve(), *folder.resolve().parents))
    return next((place for place in places if os.access(place, os.X_OK)), None)


def _options(code: LocalCode, properties: Mapping[str, Any]) -> Iterator[str]:
    known = {*_FLAGS, *_WORDS, *_LISTS, *_JOINED, "EntryPoints", "Sourcemap", "UseNpmCi"}
    unknown = sorted(set(properties) - known)
    if unknown:
        raise CannotPackage(f"{code.logical_id}: localstage does not know the BuildProperties {', '.join(unknown)}.")
    # AWS: what SAM says to esbuild where the properties are silent.
    defaults = {"Minify": True, "Target": "es2020", "Format": "cjs", "Platform": "node"}
    for name, value in {**defaults, **properties}.items():
        if name in _FLAGS:
            yield f"--{_FLAGS[name]}={'true' if value in (True, 'true') else 'false'}"
        elif name in _WORDS:
            yield f"--{_WORDS[name]}={value}"
        elif name in _JOINED:
            yield f"--{_JOINED[name]}={','.join(map(str, value)) if isinstance(value, list) else value}"
        elif name == "Sourcemap" and value not in (False, "false"):
            yield "--sourcemap" if value in (True, "true") else f"--sourcemap={value}"
        elif name in _LISTS:
            yield from (f"--{_LISTS[name]}:{one}" for one in (value if isinstance(value, list) else [value]))
