"""GET /v1/models: the one model in use. Any other name is taken for it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.serving.jobs import Host


class Models:
    """Says which model is in use."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def list(self, request: Request) -> Response:
        """All there is."""
        return JSONResponse({"object": "list", "data": [_model(self._host.about.name)]})

    async def one(self, request: Request) -> Response:
        """A model by the name that a client wants to use."""
        return JSONResponse(_model(request.path_params["name"]))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "earshot"}
