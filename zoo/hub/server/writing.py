"""The answers to what changes something: repositories, commits, branches and tags."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zoo.errors import ZooError
from zoo.hub.server import describe
from zoo.hub.server.cards import metadata
from zoo.hub.server.changes import read_commit
from zoo.hub.server.names import MAIN, check_path, check_ref, check_repository
from zoo.hub.server.refusals import RepositoryExists, no_repository, wrong
from zoo.hub.server.requests import (
    LONGEST_COMMIT,
    answer,
    body,
    json_body,
    may_see,
    readable,
    segments,
    server,
    user,
    writable,
    writer,
)

MOST_REGULAR = 8 << 20
"""Bytes of a file that may stand in the commit itself. What is larger is uploaded beside it,
for which the client needs HF_HUB_DISABLE_XET=1 if it has xet: this hub speaks plain LFS only."""
MOST_TOGETHER = 40 << 20
"""Bytes of all such files of one commit, before base64 makes them larger by a third."""

_MOST_ASKED = 1000
_LONGEST_FORM = 1 << 20


async def create(request: Request) -> Response:
    """Make a repository; a name without a namespace goes to the user's own."""
    asked = await json_body(request)
    return await run_in_threadpool(_create, request, asked)


def _create(request: Request, asked: dict[str, Any]) -> Response:
    if asked.get("type", "model") != "model":
        raise wrong("this hub keeps models only")
    asking = user(request)
    namespace = asked.get("organization") or (asking.name if asking else "")
    name = check_repository(f"{namespace}/{asked.get('name')}")
    writer(request, namespace)
    private = asked.get("private") is True or asked.get("visibility") == "private"
    url = f"{request.base_url}{name}"
    try:
        server(request).store.repository(name).create(private=private)
    except RepositoryExists as error:
        return answer(error, {"url": url, "name": name})
    return JSONResponse({"url": url, "name": name, "id": name})


async def delete(request: Request) -> Response:
    asked = await json_body(request)
    return await run_in_threadpool(_delete, request, asked)


def _delete(request: Request, asked: dict[str, Any]) -> Response:
    asking = user(request)
    namespace = asked.get("organization") or (asking.name if asking else "")
    repository = server(request).store.repository(f"{namespace}/{asked.get('name')}")
    if not repository.exists or not may_see(repository, asking):
        raise no_repository(repository.name, anonymous=asking is None)
    writer(request, repository.namespace)
    repository.delete()
    return JSONResponse({})


async def settings(request: Request) -> Response:
    """Make a repository private, gated (its files need a token), or public again."""
    asked = await json_body(request)
    known = {}
    if "private" in asked or "visibility" in asked:
        known["private"] = asked.get("private") is True or asked.get("visibility") == "private"
    if "gated" in asked:
        known["gated"] = bool(asked["gated"])

    def change() -> None:
        writable(request).change_settings(**known)

    await run_in_threadpool(change)
    return JSONResponse(known)


async def validate(request: Request) -> Response:
    """Say whether the metadata of a README.md can be read."""
    asked = await json_body(request)
    errors = []
    try:
        await run_in_threadpool(metadata, str(asked.get("content", "")))
    except ZooError as error:
        errors.append({"message": error.message})
    return JSONResponse({"errors": errors, "warnings": []}, 400 if errors else 200)


async def preupload(request: Request) -> Response:
    """Say of each file whether it goes into the commit or beside it, and whether it is new."""
    asked = await json_body(request)
    return await run_in_threadpool(_preupload, request, asked)


def _preupload(request: Request, asked: dict[str, Any]) -> Response:
    repository = writable(request)
    files = repository.commit("/".join(segments(request)[5:])).files
    answers, together = [], 0
    for one in _files(asked):
        path, size = check_path(one.get("path")), one.get("size")
        if type(size) is not int or size < 0:
            raise wrong(f"{path} has no size")
        old = files.get(path)
        is_regular = size <= MOST_REGULAR and together + size <= MOST_TOGETHER
        together += size if is_regular else 0
        found: dict[str, Any] = {
            "path": path,
            "uploadMode": "regular" if is_regular else "lfs",
            "shouldIgnore": False,
        }
        if old is not None and not is_regular:
            found["oid"] = old.sha256
        elif old is not None and old.size == size:
            found["oid"] = describe.git_oid(repository.hub.blobs.read(old.sha256, most=old.size))
        answers.append(found)
    return JSONResponse({"files": answers})


async def commit(request: Request) -> Response:
    """Take a commit as lines of JSON: one head, then files, large files and deletions."""
    await run_in_threadpool(writable, request)  # before much is read
    data = await body(request, LONGEST_COMMIT)
    return await run_in_threadpool(_commit, request, data)


def _commit(request: Request, data: bytes) -> Response:
    repository, branch = writable(request), "/".join(segments(request)[5:])
    asking = writer(request, repository.namespace)
    change = read_commit(data, repository, branch, server(request).max_size)
    made = repository.add(
        branch,
        change.parent,
        change.files,
        title=change.title,
        message=change.message,
        author=asking.name,
    )
    url = f"{request.base_url}{repository.name}/commit/{made.oid}"
    return JSONResponse(
        {"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""}
    )


async def add_tag(request: Request) -> Response:
    asked = await json_body(request)
    name = check_ref(str(asked.get("tag", "")))

    def add() -> None:
        writable(request).set_tag(name, "/".join(segments(request)[5:]))

    await run_in_threadpool(add)
    return JSONResponse({})


def remove_tag(request: Request) -> Response:
    writable(request).remove_tag(check_ref("/".join(segments(request)[5:])))
    return JSONResponse({})


async def add_branch(request: Request) -> Response:
    asked = await json_body(request)

    def add() -> None:
        name = check_ref("/".join(segments(request)[5:]))
        writable(request).add_branch(name, str(asked.get("startingPoint") or MAIN))

    await run_in_threadpool(add)
    return JSONResponse({})


def remove_branch(request: Request) -> Response:
    writable(request).remove_branch(check_ref("/".join(segments(request)[5:])))
    return JSONResponse({})


async def paths_info(request: Request) -> Response:
    """Answer `get_paths_info`, whose paths come as a form."""
    fields = parse_qs((await body(request, _LONGEST_FORM)).decode("utf-8", "replace"))
    paths = fields.get("paths", [])
    if len(paths) > _MOST_ASKED:
        raise wrong("too many paths")

    def look() -> list[dict[str, Any]]:
        found = readable(request).commit("/".join(segments(request)[5:]))
        return describe.paths_info(found, paths)

    return JSONResponse(await run_in_threadpool(look))


def _files(asked: dict[str, Any]) -> list[dict[str, Any]]:
    files = asked.get("files")
    if not isinstance(files, list) or len(files) > _MOST_ASKED:
        raise wrong("the files are missing or too many")
    if not all(isinstance(one, dict) for one in files):
        raise wrong("a file is no JSON object")
    return files
