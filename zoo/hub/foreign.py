"""Repositories on the Hugging Face Hub that other libraries made: their files, for importers."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zoo.errors import ZooError
from zoo.foreign.archive import is_plain_name
from zoo.hub.huggingface import SCHEME, HuggingFaceHub, git_oid

_WANTED = (".zip", ".yml", ".pkl", ".cleanrl_model", ".onnx", ".safetensors", ".pth", ".md")
_UNWANTED = ("train_eval_metrics.zip",)
_MOST_FILES = 50
_MOST_BYTES = 1 << 30


def fetch(hub: HuggingFaceHub, name: str, revision: str | None, folder: Path) -> str:
    """Write the files at the root of a repository that an importer may read into `folder`.

    Returns the commit that they are from. Each is held against the hash by which the commit
    names it. Raises `ZooError` where there are none, too many or too large ones.
    """
    commit = hub.resolve(name, revision)
    with hub.connection(name) as api:
        info = api.model_info(name, revision=commit, files_metadata=True)
        wanted = [one for one in info.siblings or () if _is_wanted(one.rfilename)]
        if not wanted:
            raise ZooError(f"{SCHEME}:{name} has no file that an importer reads", "Check the name")
        if len(wanted) > _MOST_FILES or sum(one.size or 0 for one in wanted) > _MOST_BYTES:
            raise ZooError(
                f"{SCHEME}:{name} has {len(wanted)} files of models, too many or too large ones",
                "Download what you need yourself, and import it from there",
            )
        left = _MOST_BYTES  # the sizes above are only what the hub said
        for one in wanted:
            data = hub.file(name, one.rfilename, commit, left, size=one.size)
            left -= len(data)
            expected = one.lfs.sha256 if one.lfs else one.blob_id
            if expected not in (None, hashlib.sha256(data).hexdigest(), git_oid(data)):
                raise ZooError(
                    f"{SCHEME}:{name}/{one.rfilename} is damaged: it is not the file of commit "
                    f"{commit}",
                    "Try again; if it stays so, the hub is not to be trusted",
                )
            (folder / one.rfilename).write_bytes(data)
    return commit


def _is_wanted(name: str) -> bool:
    at_root = is_plain_name(name) and "/" not in name and not name.startswith(".")
    return at_root and name.endswith(_WANTED) and name not in _UNWANTED
