"""What a SAML identity provider publishes of itself: its name, its sign-in page, its keys."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cryptography.x509 import Certificate, load_der_x509_certificate

METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
NAMES = {"md": METADATA, "ds": "http://www.w3.org/2000/09/xmldsig#"}
LARGEST = 1_000_000  # bytes: that of one provider, not of a federation


@dataclass(frozen=True)
class ProviderMetadata:
    """A provider; a new key stands beside the old one while they change."""

    entity_id: str
    sign_in_url: str
    certificates: tuple[Certificate, ...]


def read(path: Path) -> ProviderMetadata:
    """The provider of a file that its administrator gave; raises ValueError with what is wrong."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as problem:
        raise ValueError(f"{path}: {problem.strerror}") from problem
    if len(text) > LARGEST or b"<!" in text.replace(b"<!--", b""):
        raise ValueError(f"{path}: too long, or with a document type")
    try:
        top = ElementTree.fromstring(text)
    except ElementTree.ParseError as problem:
        raise ValueError(f"{path}: {problem}") from problem
    role = top.find("md:IDPSSODescriptor", NAMES)
    if top.tag != f"{{{METADATA}}}EntityDescriptor" or role is None:
        raise ValueError(f"{path}: it is not the SAML 2.0 metadata of one identity provider")
    addresses = [
        service.get("Location", "")
        for service in role.findall("md:SingleSignOnService", NAMES)
        if service.get("Binding") == REDIRECT
    ]
    if not top.get("entityID") or not addresses:
        raise ValueError(f"{path}: no entityID, or no SingleSignOnService with HTTP-Redirect")
    return ProviderMetadata(top.get("entityID", ""), addresses[0], _certificates(path, role))


def _certificates(path: Path, role: ElementTree.Element) -> tuple[Certificate, ...]:
    """Those it signs with."""
    keys = [
        key for key in role.findall("md:KeyDescriptor", NAMES) if key.get("use") != "encryption"
    ]
    texts = [
        element.text or ""
        for key in keys
        for element in key.findall("ds:KeyInfo/ds:X509Data/ds:X509Certificate", NAMES)
    ]
    try:
        certificates = [load_der_x509_certificate(base64.b64decode(text)) for text in texts]
    except (binascii.Error, ValueError) as problem:
        raise ValueError(f"{path}: a certificate in it cannot be read") from problem
    if not certificates:
        raise ValueError(f"{path}: no certificate to check signatures with")
    return tuple(certificates)
