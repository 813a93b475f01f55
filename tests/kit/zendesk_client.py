"""zenpy, a client that people use with Zendesk, unmodified, at an application in this process."""

from typing import Any
from urllib.parse import urlsplit

import requests
from flask.testing import FlaskClient
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from zenpy import Zenpy

from tests.kit.programs import BASE_URL, HOST


class InProcess(BaseAdapter):
    """Sends requests to a Flask application instead of over a wire."""

    def __init__(self, client: FlaskClient) -> None:
        super().__init__()
        self._client = client

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **more: Any
    ) -> requests.Response:
        parts = urlsplit(str(request.url))
        body: Any = request.body
        answer = self._client.open(
            parts.path,
            method=request.method,
            query_string=parts.query,
            headers={**request.headers, "Accept-Encoding": "identity"},
            data=body if body is None or isinstance(body, (str, bytes)) else body.read(),
            base_url=BASE_URL,
            buffered=True,
        )
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers = CaseInsensitiveDict(dict(answer.headers))
        response._content = answer.data
        response.url = str(request.url)
        response.request = request
        response.encoding = "utf-8"
        return response

    def close(self) -> None:
        pass


def zenpy(client: FlaskClient, email: str, secret: str) -> Zenpy:
    """The client, as somebody with a token would make it."""
    session = requests.Session()
    session.mount("https://", InProcess(client))
    subdomain, _, domain = HOST.partition(".")
    return Zenpy(subdomain=subdomain, domain=domain, email=email, token=secret, session=session)
