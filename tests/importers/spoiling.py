"""Put something else into the model that the fixture `run` holds."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Callable
from pathlib import Path


def rewrite(run: Path, change: Callable[[str, bytes], bytes]) -> None:
    path = run / "Pendulum-v1.zip"
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, change(name, content))


def poison(run: Path, key: str, data: bytes) -> None:
    """Put a pickle under a key of the model's JSON."""

    def change(name: str, content: bytes) -> bytes:
        if name != "data":
            return content
        facts = json.loads(content)
        serialized = base64.b64encode(data).decode()
        facts[key] = {":type:": "<class 'function'>", ":serialized:": serialized}
        return json.dumps(facts).encode()

    rewrite(run, change)
