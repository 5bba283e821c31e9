"""Large files: what is to be uploaded, and where to. The address itself permits the upload.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md, the transfer called basic.
"""

from __future__ import annotations

from typing import Any

import anyio.from_thread
import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zoo.hub.blobs import is_digest
from zoo.hub.server.refusals import no_entry, wrong
from zoo.hub.server.requests import chunks, json_body, readable, segments, server, writable

_MOST = 1000  # files in one batch


async def batch(request: Request) -> Response:
    asked = await json_body(request)
    found = await run_in_threadpool(_batch, request, asked)
    return JSONResponse(found, media_type="application/vnd.git-lfs+json")


def _batch(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    repository, objects = writable(request), asked.get("objects")
    if asked.get("operation") != "upload":
        raise wrong("only uploads are batched; files are downloaded from /resolve/")
    if not isinstance(objects, list) or len(objects) > _MOST:
        raise wrong("the objects are missing or too many")
    answers = [_instruction(request, repository.name, *_object(one)) for one in objects]
    return {"transfer": "basic", "objects": answers, "hash_algo": "sha256"}


def _instruction(request: Request, name: str, oid: str, size: int) -> dict[str, Any]:
    """Say where an object is to be put; what is here already is not to be put anywhere."""
    here, most = server(request).store.hub.blobs, server(request).max_size
    found: dict[str, Any] = {"oid": oid, "size": size}
    if size > most:
        message = f"a file may have {most} bytes on this server"
        return found | {"error": {"code": 413, "message": message}}
    if oid in here and here.path(oid).stat().st_size == size:
        return found
    base, permit = request.base_url, server(request).sign(oid, size)
    upload = {"href": f"{base}api/lfs/{oid}?{permit}"}
    verify = {"href": f"{base}{name}.git/info/lfs/objects/verify"}
    return found | {"authenticated": True, "actions": {"upload": upload, "verify": verify}}


async def upload(request: Request) -> Response:
    """Take the content of an object; it appears whole, with the right SHA-256, or not at all."""
    oid, query = segments(request)[2], request.query_params
    size, until = query.get("size", ""), query.get("until", "")
    if not (size.isdecimal() and until.isdecimal() and len(size + until) < 30):
        raise wrong("the address of the upload is not whole")
    server(request).check_signature(oid, int(size), int(until), query.get("sign", ""))
    stream, blobs = chunks(request, int(size)), server(request).store.hub.blobs

    async def piece() -> bytes | None:
        return await anext(stream, None)

    def receive() -> None:
        with blobs.incoming(oid, where="the upload", most=int(size)) as incoming:
            while (data := anyio.from_thread.run(piece)) is not None:
                incoming.write(data)

    await anyio.to_thread.run_sync(receive, limiter=server(request).uploads)
    return Response(headers={"ETag": f'"{oid}"'})


async def verify(request: Request) -> Response:
    asked = await json_body(request)

    def look() -> None:
        repository = readable(request)
        oid, size = _object(asked)
        blobs = repository.hub.blobs
        if oid not in blobs or blobs.path(oid).stat().st_size != size:
            raise no_entry(oid)

    await run_in_threadpool(look)
    return JSONResponse({})


def _object(value: Any) -> tuple[str, int]:
    match value:
        case {"oid": str(oid), "size": int(size)} if is_digest(oid) and 0 <= size < 1 << 53:
            return oid, size
    raise wrong("an object has no SHA-256 or no size")
