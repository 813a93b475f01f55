"""A SAML identity provider as a process of its own: pysaml2, which signs with xmlsec1.

python -m tests.kit.saml_provider PORT FOLDER, where the folder holds its `key.pem` and
`certificate.pem`, and `sp.xml` by the time somebody signs in.
"""

import shutil
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server

PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def configuration(port: int, folder: Path, *partners: str) -> Any:
    here = f"http://127.0.0.1:{port}"
    return IdPConfig().load(
        {
            "entityid": f"{here}/metadata",
            "xmlsec_binary": shutil.which("xmlsec1"),
            "key_file": str(folder / "key.pem"),
            "cert_file": str(folder / "certificate.pem"),
            "metadata": {"local": list(partners)},
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [(f"{here}/sso", BINDING_HTTP_REDIRECT)]
                    },
                    "policy": {"default": {"lifetime": {"minutes": 5}}},
                }
            },
        }
    )


class Provider(BaseHTTPRequestHandler):
    """/metadata tells of it; /sso answers a request with the page that posts the assertion.

    Who signs in there, what is signed and how they showed it is added to the query by the test.
    """

    port: int
    folder: Path

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/metadata":
            self._send(str(entity_descriptor(configuration(self.port, self.folder))))
        else:
            self._send(self._page(query))

    def _page(self, query: dict[str, str]) -> str:
        sp = str(self.folder / "sp.xml")
        server = Server(config=configuration(self.port, self.folder, sp))
        request = server.parse_authn_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT).message
        signed = query.get("signed", "assertion")
        answer = server.create_authn_response(
            {"mail": [query.get("mail", "alice@acme.example")]},
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=query.get("name", "alice-there")),
            authn={"class_ref": query.get("context", PASSWORD)},
            sign_response=signed in ("response", "both"),
            sign_assertion=signed in ("assertion", "both"),
            sign_alg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            digest_alg="http://www.w3.org/2001/04/xmlenc#sha256",
            **server.response_args(request),
        )
        binding, place = server.pick_binding(
            "assertion_consumer_service", [BINDING_HTTP_POST], request=request
        )
        page = server.apply_binding(
            binding, str(answer), place, query.get("RelayState", ""), response=True
        )
        return str(page["data"])

    def _send(self, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # whoever asked did not wait
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    Provider.port, Provider.folder = int(sys.argv[1]), Path(sys.argv[2])
    HTTPServer(("127.0.0.1", Provider.port), Provider).serve_forever()
