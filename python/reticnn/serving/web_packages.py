"""The packages that serve pages, which only this room needs."""

from types import SimpleNamespace

from reticnn.notation import installing
from reticnn.runtime.conditions import MissingPackageError


def web_packages():
    """Return what is used of Starlette and uvicorn.

    Raises:
        MissingPackageError: If one of them cannot be imported, with what to install.
    """
    try:
        import python_multipart  # noqa: F401, by which Starlette reads forms
        import starlette.applications
        import starlette.datastructures
        import starlette.exceptions
        import starlette.requests
        import starlette.responses
        import starlette.routing
        import uvicorn.protocols.http.auto
    except ImportError as error:
        raise MissingPackageError(
            "`serve_classifier()` needs the Python packages starlette, uvicorn and "
            f"python-multipart, which cannot all be imported ({error}). Install them: "
            f"{installing('starlette', 'uvicorn', 'python-multipart')}."
        ) from error
    return SimpleNamespace(
        AutoHTTPProtocol=uvicorn.protocols.http.auto.AutoHTTPProtocol,
        ClientDisconnect=starlette.requests.ClientDisconnect,
        HTTPException=starlette.exceptions.HTTPException,
        JSONResponse=starlette.responses.JSONResponse,
        Response=starlette.responses.Response,
        Route=starlette.routing.Route,
        Starlette=starlette.applications.Starlette,
        UploadFile=starlette.datastructures.UploadFile,
        uvicorn=uvicorn,
    )
