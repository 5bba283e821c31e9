"""The answers to what only reads: models, files, trees, branches and tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from zoo.hub.server import describe
from zoo.hub.server.cards import README, start_of
from zoo.hub.server.names import MAIN, check_path
from zoo.hub.server.refusals import Refusal, no_entry, wrong
from zoo.hub.server.repository import Repository
from zoo.hub.server.requests import may_see, readable, segments, server, user
from zoo.storage.files import explain

_MOST_LISTED = 1000
_MOST_COMMITS = 1000
_PASSIVE = {
    # What strangers push is never shown as a page of this address.
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
}


def home(request: Request) -> Response:
    return PlainTextResponse("A hub of agent-zoo. Search it with: zoo search --hub hf --endpoint\n")


def whoami(request: Request) -> Response:
    asking = user(request)
    if asking is None:
        raise Refusal(401, "Invalid username or password")
    role = "write" if asking.can_write else "read"
    orgs = [{"name": space, "type": "org"} for space in asking.namespaces]
    token = {"accessToken": {"displayName": asking.name, "role": role}}
    return JSONResponse({"type": "user", "name": asking.name, "orgs": orgs, "auth": token})


def harnesses(request: Request) -> Response:
    """Answer what the client asks in the background: this hub knows no such programs."""
    return JSONResponse({"standardEnvVars": [], "harnesses": []})


def info(request: Request) -> Response:
    """Answer `model_info`, at the branch main or at a revision."""
    repository, parts = readable(request), segments(request)
    commit = repository.commit("/".join(parts[5:]) or MAIN)
    return JSONResponse(describe.model(repository, commit, sizes="blobs" in request.query_params))


def tree(request: Request) -> Response:
    repository, parts = readable(request), segments(request)
    commit = repository.commit(parts[5] if len(parts) > 5 else MAIN)
    folder = check_path("/".join(parts[6:]).rstrip("/")) if any(parts[6:]) else ""
    recursive = request.query_params.get("recursive", "").lower() in ("1", "true")
    found = describe.tree(commit, folder, recursive=recursive)
    if folder and not found:
        raise no_entry(folder)
    return JSONResponse(found)


def refs(request: Request) -> Response:
    repository = readable(request)
    return JSONResponse(
        {
            "branches": _refs("heads", repository.branches()),
            "tags": _refs("tags", repository.tags()),
            "converts": [],
            "pullRequests": [],
        }
    )


def commits(request: Request) -> Response:
    repository, parts = readable(request), segments(request)
    found = repository.log("/".join(parts[5:]) or MAIN, _MOST_COMMITS)
    return JSONResponse([describe.log_entry(commit) for commit in found])


def resolve(request: Request) -> Response:
    """Answer a file's content, or the part of it that a `Range` asks for."""
    repository, parts = readable(request), segments(request)
    if repository.history.settings()["gated"] and user(request) is None:
        raise Refusal(401, f"Access to model {repository.name} needs a token", "GatedRepo")
    path = check_path("/".join(parts[4:]))
    commit = repository.commit(parts[3])
    file = commit.files.get(path)
    if file is None:
        raise no_entry(path)
    blob = repository.hub.blobs.path(file.sha256)
    with explain(blob, "read"):
        found = blob.stat()
    headers = {
        "ETag": f'"{file.sha256}"',
        "X-Linked-Etag": f'"{file.sha256}"',
        "X-Linked-Size": str(file.size),
        "X-Repo-Commit": commit.oid,
        **_PASSIVE,
    }
    return FileResponse(
        blob, headers=headers, media_type="application/octet-stream", stat_result=found
    )


def models(request: Request) -> Response:
    """Answer `list_models`: filters, search, author, sort, and pages by `Link`."""
    query = request.query_params
    limit = min(max(_number(query.get("limit"), _MOST_LISTED), 1), _MOST_LISTED)
    start = _number(query.get("cursor"), 0)
    found = list(_matching(request))
    if sort := query.get("sort"):
        _sort(found, sort, query.get("direction", "-1") == "-1")
    page = found[start : start + limit]
    headers = {}
    if start + limit < len(found):
        rest = [(key, value) for key, value in query.multi_items() if key != "cursor"]
        address = request.url.replace(query=urlencode([*rest, ("cursor", start + limit)]))
        headers["Link"] = f'<{address}>; rel="next"'
    return JSONResponse([describe.model(*one) for one in page], headers=headers)


def _matching(request: Request) -> Iterator[Any]:
    """Yield the repositories that fit, with their main commits; names are looked at first."""
    query, asking = request.query_params, user(request)
    words = query.get("search", "").lower().split()
    wanted = [tag for value in query.getlist("filter") for tag in value.split(",") if tag]
    wanted += query.getlist("pipeline_tag")
    for name in server(request).store.names():
        if query.get("author", name.partition("/")[0]) != name.partition("/")[0]:
            continue
        if not all(word in name.lower() for word in words):
            continue
        repository = server(request).store.repository(name)
        if may_see(repository, asking) and (commit := _fitting(repository, wanted)):
            yield repository, commit


def _fitting(repository: Repository, wanted: list[str]) -> Any:
    """Return the main commit if its card has all wanted tags; None where it has not."""
    try:
        commit = repository.commit(MAIN)
    except Refusal:
        return None
    if not wanted:
        return commit
    readme = commit.files.get(README)
    text = start_of(repository.hub.blobs.path(readme.sha256)) if readme else ""
    if not all(tag in text for tag in wanted):  # quicker than reading it as YAML
        return None
    has = set(describe.tags(describe.card_of_commit(repository, commit)))
    return commit if has.issuperset(wanted) else None


def _sort(found: list[Any], key: str, descending: bool) -> None:
    keys = {
        "lastModified": lambda one: one[1].date,
        "createdAt": lambda one: one[1].date,
        "downloads": lambda one: 0,
        "likes": lambda one: 0,
        "trendingScore": lambda one: 0,
    }
    if key not in keys:
        raise wrong(f"cannot sort by {key}")
    found.sort(key=keys[key], reverse=descending)


def _number(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not text.isdecimal() or len(text) > 9:
        raise wrong(f"{text!r} is no number")
    return int(text)


def _refs(kind: str, found: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}
        for name, oid in found.items()
    ]
