"""What clients send: received piece by piece, into files, up to a limit."""

import asyncio
import contextlib
import os
import secrets
import shutil

# Who has not sent all by then is not waited for.
_SECONDS = 300

# How many times what is taken is read, and not kept, of who sends more.
_DISCARDED = 10

# Images of one request.
MOST_IMAGES = 64


class TooLargeError(Exception):
    """A client has sent more than is taken."""


class TooSlowError(Exception):
    """A client has not sent all within the time there is for that."""


def limited(app, most_bytes):
    """Return an ASGI application that takes requests of so many bytes at most."""

    async def limited_app(scope, receive, send):
        if scope["type"] == "http":
            receive = _Body(scope, receive, most_bytes).receive
        await app(scope, receive, send)

    return limited_app


class _Body:
    """The body of a request, of which what is too much is not kept."""

    def __init__(self, scope, receive, most_bytes):
        headers = dict(scope["headers"])
        stated = headers.get(b"content-length", b"0")
        self._stated = int(stated) if stated.isdigit() else 0
        # Then nothing is sent before it is asked for.
        self._waits = headers.get(b"expect", b"").lower() == b"100-continue"
        self._receive = receive
        self._most = most_bytes
        self._received = 0
        self._end = asyncio.get_running_loop().time() + _SECONDS

    async def receive(self):
        """Return the next message, as ASGI has it."""
        if self._stated > self._most:
            await self._discard()
        message = await self._next()
        if self._received > self._most:
            await self._discard()
        return message

    async def _next(self):
        wait = self._end - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), wait)
        except asyncio.TimeoutError:
            raise TooSlowError from None
        self._received += len(message.get("body", b""))
        self._more = message.get("more_body", False)
        return message

    async def _discard(self):
        """Let a client send what it wants to, so that it reads the answer, and raise.

        Most read nothing before they have sent all.
        """
        self._more = not self._waits
        while self._more and self._received < _DISCARDED * self._most:
            await self._next()
        raise TooLargeError


@contextlib.asynccontextmanager
async def uploaded(request, folder, web):
    """Give the images of a request as files, deleted after the block.

    Args:
        request: Starlette's, whose body is a form with files, or one file.
        folder: Where to write.
        web: What `web_packages()` returned.

    Yields:
        List of tuples of the name that the client gives a file, or None, and its path.
    """
    paths = []

    def new_path():
        # Nothing of a client's is in a name here.
        paths.append(os.path.join(folder, secrets.token_hex(16)))
        return paths[-1]

    try:
        kind = request.headers.get("content-type", "").lower()
        if kind.startswith("multipart/form-data"):
            async with _form_of(request, web) as form:
                found = [
                    (_readable(value.filename), _copied(value.file, new_path()))
                    for _, value in form.multi_items()
                    if isinstance(value, web.UploadFile)
                ]
            if not found:
                raise web.HTTPException(400, "The form has no files.")
        else:
            name = request.query_params.get("name")
            found = [(name, await _streamed(request, new_path()))]
        yield found
    finally:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)


@contextlib.asynccontextmanager
async def _form_of(request, web):
    """Give the form of a request, whose names are in an encoding that it states."""
    try:
        form = await request.form(max_files=MOST_IMAGES)
    except UnicodeError:
        raise web.HTTPException(
            400, "The form is not in the encoding it states."
        ) from None
    try:
        yield form
    finally:
        await form.close()


def _readable(name):
    """Return a name as text that can be sent, which not all encodings give."""
    return name.encode("utf-8", "replace").decode()


def _copied(file, path):
    with open(path, "wb") as target:
        shutil.copyfileobj(file, target)
    return path


async def _streamed(request, path):
    with open(path, "wb") as target:
        async for piece in request.stream():
            target.write(piece)
    return path
