"""The addresses of a server, and what each of them answers."""

import asyncio
import secrets
from functools import partial

from reticnn import __version__
from reticnn.serving.answering import UnreadableError
from reticnn.serving.heat_maps import heat_map
from reticnn.serving.pages import docs_page, main_page, policy_of
from reticnn.serving.said_of_api import openapi
from reticnn.serving.uploads import (
    TooLargeError,
    TooSlowError,
    limited,
    uploaded,
)

# Heat maps that may wait for each other: each takes many predictions.
_MOST_MAPS = 8

# What examples are of where the classes are told to those alone who have the key.
_MADE_UP = {"model": "network", "classes": ["first class", "second class"]}


class Application:
    """The addresses of a server.

    Attributes:
        asgi: The application as uvicorn runs it.
    """

    def __init__(self, web, answers, folder, *, api_key, most_bytes):
        """Take what answers.

        Args:
            web: What `web_packages()` returned.
            answers: `Answers`.
            folder: Where uploads are kept while they are read.
            api_key: What clients must send, or None.
            most_bytes: Requests of more are refused.
        """
        self._web = web
        self._answers = answers
        self._folder = folder
        self._api_key = api_key
        self._most_bytes = most_bytes
        self._maps = 0
        self._facts = self._facts_of(answers.classifier)
        # Browsers send no key when they open a page.
        shown = self._facts if api_key is None else {**self._facts, **_MADE_UP}
        said = self._with_key(partial(self._json, openapi(self._facts)))
        routes = {
            ("GET", "/"): partial(self._page, main_page()),
            ("GET", "/docs"): partial(self._page, docs_page(openapi(shown))),
            ("GET", "/openapi.json"): said,
            ("GET", "/health"): partial(self._json, {"status": "ok"}),
            ("GET", "/classes"): self._with_key(partial(self._json, self._facts)),
            ("POST", "/predict"): self._with_key(self._predict),
            ("POST", "/explain"): self._with_key(self._explain),
        }
        inner = web.Starlette(
            routes=[
                web.Route(path, _endpoint(action), methods=[method])
                for (method, path), action in routes.items()
            ],
            exception_handlers={
                web.HTTPException: self._refuse,
                web.ClientDisconnect: self._drop,
                TooLargeError: self._refuse_too_large,
                TooSlowError: self._refuse_too_slow,
                UnreadableError: self._refuse_unreadable,
            },
        )
        self.asgi = limited(inner, most_bytes)

    def _facts_of(self, classifier):
        height, width, channels = classifier.image_shape
        return {
            "classes": list(classifier.class_names),
            "model": classifier.network.name,
            "input": {"height": height, "width": width, "channels": channels},
            "sets": self._answers.has_sets and classifier.sets["coverage"],
            "novelty": self._answers.has_novelty,
            "megabytes": self._most_bytes / 1e6,
            "calibrated": classifier.calibration is not None,
            "version": __version__,
        }

    # Answers

    async def _page(self, page, request):
        headers = {"Content-Security-Policy": policy_of(page)}
        return self._web.Response(page, headers=headers, media_type="text/html")

    async def _json(self, value, request, status=200):
        return self._web.JSONResponse(value, status, {"Cache-Control": "no-store"})

    async def _predict(self, request):
        async with self._files_of(request) as files:
            rows = await asyncio.gather(*(self._row(*file) for file in files))
        problems = [row["problem"] for row in rows if "problem" in row]
        if len(problems) == len(rows):
            raise UnreadableError(problems[0])
        return await self._json({"predictions": rows}, request)

    async def _row(self, name, path):
        """Return what is said of one file: a prediction, or a problem."""
        try:
            read = await self._read(path)
        except UnreadableError as error:
            return {"file": name, "problem": str(error)}
        answer = await asyncio.wrap_future(self._answers.answer(read.pixels))
        return {"file": name, **answer}

    async def _explain(self, request):
        name = request.query_params.get("class")
        if name not in self._facts["classes"]:
            raise self._web.HTTPException(
                400, f"`class` must be one of {', '.join(self._facts['classes'])}."
            )
        async with self._files_of(request) as files:
            read = await self._read(files[0][1])
        # Not before all has come: who sends slowly would hold others.
        if self._maps >= _MOST_MAPS:
            raise self._web.HTTPException(
                503, "Too many heat maps are being made. Try again in a while."
            )
        self._maps += 1
        try:
            made = await asyncio.get_running_loop().run_in_executor(
                self._answers.explaining, self._map, read, name
            )
        finally:
            self._maps -= 1
        return await self._json({"class": name, **made}, request)

    def _map(self, read, name):
        found = self._answers.map_of(read.pixels, name)
        return heat_map(found, read.sides, self._answers.classifier.resize)

    def _files_of(self, request):
        return uploaded(request, self._folder, self._web)

    async def _read(self, path):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._answers.pool, self._answers.read, path)

    # Who is let in, and what is refused

    def _with_key(self, action):
        """Return an action that is for those alone who have the key."""
        if self._api_key is None:
            return action

        async def checked(request):
            kind, _, given = request.headers.get("authorization", "").partition(" ")
            key = given if kind.lower() == "bearer" else ""
            key = request.headers.get("x-api-key", key)
            if not secrets.compare_digest(key.encode(), self._api_key.encode()):
                raise self._web.HTTPException(
                    401,
                    "This server needs a key: send it in the header `X-API-Key`.",
                    {"WWW-Authenticate": "Bearer"},
                )
            return await action(request)

        return checked

    def _refusal(self, status, text, headers=None):
        return self._web.JSONResponse({"error": text}, status, headers)

    async def _refuse(self, request, error):
        return self._refusal(error.status_code, error.detail, error.headers)

    async def _drop(self, request, error):
        return self._web.Response()  # Nobody is there to read it.

    async def _refuse_too_large(self, request, error):
        most = f"{self._most_bytes / 1e6:g}"
        return self._refusal(
            413, f"A request must have at most {most} MB.", {"Connection": "close"}
        )

    async def _refuse_too_slow(self, request, error):
        return self._refusal(
            408, "The image did not arrive in time.", {"Connection": "close"}
        )

    async def _refuse_unreadable(self, request, error):
        return self._refusal(400, f"The file {error}.")


def _endpoint(action):
    """Return an action as a function, as Starlette tells it from an application."""

    async def endpoint(request):
        return await action(request)

    return endpoint
