"""SAML 2.0, as a service provider: requests by redirect, answers by POST, read as they are signed.

signxml checks signatures and hands over what they cover. Nothing is read of anything else but
what may only refuse. Encrypted assertions are not taken.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import Certificate
from lxml import etree
from signxml.algorithms import SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from kbsearch import saml_metadata
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.people.accounts.single_sign_on.arrivals import Claims
from kbsearch.people.accounts.single_sign_on.identities import MAX_SUBJECT, SAML
from kbsearch.people.accounts.single_sign_on.journeys import ANSWER_LIFETIME, Journey
from kbsearch.people.accounts.single_sign_on.tokens import Unbelievable

RECEIVER = "/login/saml/acs"
OWN_METADATA = "/login/saml/metadata"
LONGEST = 128 * 1024  # characters of an answer, in base64
LEEWAY = timedelta(seconds=30)  # between its clock and ours
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
NAMES = {"saml": ASSERTION, "samlp": PROTOCOL, "ds": "http://www.w3.org/2000/09/xmldsig#"}
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
ADDRESS = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
ADDRESS_ATTRIBUTES = (
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "mail",
    "email",
)
METHODS = frozenset(
    method
    for method in SignatureMethod
    if method.name.startswith(("RSA_SHA", "ECDSA_SHA", "SHA")) and "SHA1" not in method.name
)
# What the libraries raise on signatures that are wrong, or are none.
UNREADABLE = (
    *(SignXMLException, InvalidSignature, UnsupportedAlgorithm, etree.LxmlError),
    *(ValueError, TypeError, KeyError, AttributeError, NotImplementedError),
)
Element: TypeAlias = Any  # lxml has no types


class TurnedAway(Exception):
    """The provider answers that it did not let the person in."""


@dataclass(frozen=True)
class SamlAnswer:
    """What was signed: for which of our requests, and what it says of the person."""

    state: str
    claims: Claims


class SamlProvider:
    """The provider of the settings, read once."""

    def __init__(self, settings: Settings) -> None:
        self._provider = saml_metadata.read(settings.saml_metadata_path)
        base = settings.base_url.rstrip("/")  # never the Host of a request
        self._receiver = base + RECEIVER
        self._own_name = base + OWN_METADATA

    def address(self, journey: Journey) -> str:
        """Where the person signs in."""
        request = etree.Element(f"{{{PROTOCOL}}}AuthnRequest", nsmap=NAMES)
        request.attrib.update(
            {
                "ID": f"_{journey.state}",
                "Version": "2.0",
                "IssueInstant": utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "Destination": self._provider.sign_in_url,
                "AssertionConsumerServiceURL": self._receiver,
                "ProtocolBinding": POST,
            }
        )
        etree.SubElement(request, f"{{{ASSERTION}}}Issuer").text = self._own_name
        etree.cleanup_namespaces(request)
        deflated = zlib.compress(etree.tostring(request), wbits=-15)
        query = urlencode(
            {
                "SAMLRequest": base64.b64encode(deflated).decode(),
                "RelayState": journey.language,
            }
        )
        page = self._provider.sign_in_url
        return f"{page}{'&' if '?' in page else '?'}{query}"

    def metadata(self) -> bytes:
        """What the administrator of the provider is given of ours."""
        names = {"md": saml_metadata.METADATA}
        top = etree.Element(f"{{{saml_metadata.METADATA}}}EntityDescriptor", nsmap=names)
        top.set("entityID", self._own_name)
        role = etree.SubElement(top, f"{{{saml_metadata.METADATA}}}SPSSODescriptor")
        role.set("AuthnRequestsSigned", "false")
        role.set("WantAssertionsSigned", "true")
        role.set("protocolSupportEnumeration", PROTOCOL)
        service = etree.SubElement(role, f"{{{saml_metadata.METADATA}}}AssertionConsumerService")
        service.attrib.update(
            {"Binding": POST, "Location": self._receiver, "index": "0", "isDefault": "true"}
        )
        text: bytes = etree.tostring(top, xml_declaration=True, encoding="UTF-8")
        return text

    def read(self, text: str, *, at: datetime | None = None) -> SamlAnswer:
        """What a posted answer says, all of it checked; raises Unbelievable or TurnedAway."""
        moment = at or utc_now()
        response = _parsed(text)
        status = response.find("samlp:Status/samlp:StatusCode", NAMES)
        if status is None or status.get("Value") != SUCCESS:
            raise TurnedAway
        if response.get("Destination", self._receiver) != self._receiver:
            raise Unbelievable(f"sent to {response.get('Destination')!r}")
        assertion = self._signed_assertion(response)
        if _text(assertion, "saml:Issuer") != self._provider.entity_id:
            raise Unbelievable("of another issuer")
        issued = _moment(assertion, "IssueInstant")
        if issued is None or not moment - ANSWER_LIFETIME - LEEWAY <= issued <= moment + LEEWAY:
            raise Unbelievable(f"issued at {issued}")
        self._check_conditions(assertion, moment)
        request = self._confirmed_request(assertion, moment)
        return SamlAnswer(request.removeprefix("_"), self._claims(assertion, moment))

    def _signed_assertion(self, response: Element) -> Element:
        """The one assertion, as the signature of it or of the response around it covers it."""
        assertion = _only(response, "saml:Assertion")
        around, inside = (
            one.find("ds:Signature", NAMES) is not None for one in (response, assertion)
        )
        if not around and not inside:
            raise Unbelievable("nothing in it is signed")
        signed_response = self._verified(response) if around else response
        if inside:
            return self._verified(assertion)
        return _only(signed_response, "saml:Assertion")

    def _verified(self, element: Element) -> Element:
        """What the signature in this element covers: the element, and nothing else."""
        problem: Exception | None = None
        for certificate in self._provider.certificates:
            try:
                signed = _covered(element, certificate)
            except UNREADABLE as refusal:
                problem = refusal
                continue
            if signed is None or (signed.tag, signed.get("ID")) != (element.tag, element.get("ID")):
                raise Unbelievable("its signature covers something else")
            return signed
        raise Unbelievable(f"{type(problem).__name__}: {problem}")

    def _check_conditions(self, assertion: Element, moment: datetime) -> None:
        conditions = _only(assertion, "saml:Conditions")
        if not _is_within(conditions, moment):
            raise Unbelievable(f"not good at {moment}: {dict(conditions.attrib)}")
        restrictions = conditions.findall("saml:AudienceRestriction", NAMES)
        audiences = [
            {audience.text for audience in restriction.findall("saml:Audience", NAMES)}
            for restriction in restrictions
        ]
        if not audiences or not all(self._own_name in names for names in audiences):
            raise Unbelievable(f"for {audiences}")

    def _confirmed_request(self, assertion: Element, moment: datetime) -> str:
        """The request it answers: good for whoever brings it here, and only so long."""
        for confirmation in assertion.findall("saml:Subject/saml:SubjectConfirmation", NAMES):
            data = confirmation.find("saml:SubjectConfirmationData", NAMES)
            if confirmation.get("Method") != BEARER or data is None:
                continue
            is_for_us = data.get("Recipient") == self._receiver
            request: str = data.get("InResponseTo", "")
            if is_for_us and request and data.get("NotOnOrAfter") and _is_within(data, moment):
                return request
        raise Unbelievable("no confirmation of its subject is for this address, a request and now")

    def _claims(self, assertion: Element, moment: datetime) -> Claims:
        statement = _only(assertion, "saml:AuthnStatement")
        ends = _moment(statement, "SessionNotOnOrAfter")
        if ends and ends <= moment:
            raise Unbelievable(f"its session ended at {ends}")
        name = _only(assertion, "saml:Subject/saml:NameID")
        subject = _text(assertion, "saml:Subject/saml:NameID").strip()
        if name.get("Format") == TRANSIENT or not subject.isprintable():
            raise Unbelievable("a name that lasts is needed, on one line")
        if not subject or len(subject) > MAX_SUBJECT:
            raise Unbelievable(f"a name of {len(subject)} characters")
        context = statement.find("saml:AuthnContext/saml:AuthnContextClassRef", NAMES)
        attributes = _attributes(assertion)
        addresses = [attributes[key] for key in ADDRESS_ATTRIBUTES if key in attributes]
        if name.get("Format") == ADDRESS:
            addresses.append(subject)
        return {
            "iss": SAML + self._provider.entity_id,
            "sub": subject,
            "email": addresses[0] if addresses else "",
            "email_verified": True,  # it is signed; whether it counts is a setting
            "acr": context.text if context is not None else "",
        }


def _parsed(text: str) -> Element:
    """The response, of a shape that leaves no doubt which assertion is meant."""
    if len(text) > LONGEST:
        raise Unbelievable(f"an answer of {len(text)} characters")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        response = etree.fromstring(base64.b64decode(text), parser)
    except (binascii.Error, etree.LxmlError, ValueError) as problem:
        raise Unbelievable(f"{type(problem).__name__}: {problem}") from problem
    if response.getroottree().docinfo.doctype:
        raise Unbelievable("it has a document type")
    elements = list(response.iter())
    if not all(isinstance(element.tag, str) for element in elements):
        raise Unbelievable("it has comments, entities or instructions")
    tags = [element.tag for element in elements]
    ids = [value for element in elements if (value := element.get("ID")) is not None]
    if response.tag != f"{{{PROTOCOL}}}Response" or response.get("Version") != "2.0":
        raise Unbelievable(f"a {response.tag}")
    if tags.count(response.tag) > 1 or tags.count(f"{{{ASSERTION}}}Assertion") > 1:
        raise Unbelievable("more than one response or assertion")
    if len(ids) != len(set(ids)):
        raise Unbelievable("an ID twice")
    return response


def _covered(element: Element, certificate: Certificate) -> Element | None:
    """What its own signature covers. Of the certificate its key counts, not its dates.

    The metadata vouches for it: SAML V2.0 Metadata Interoperability Profile, 2.6.1.
    """
    config = SignatureConfiguration(
        location="./",
        signature_methods=METHODS,
        ignore_ambiguous_key_info=True,
        verification_time=certificate.not_valid_before_utc,
    )
    result = XMLVerifier().verify(
        element, x509_cert=certificate, id_attribute="ID", expect_config=config
    )
    assert not isinstance(result, list)
    return result.signed_xml


def _only(element: Element, path: str) -> Element:
    matches = element.findall(path, NAMES)
    if len(matches) != 1:
        raise Unbelievable(f"{len(matches)} of {path}")
    return matches[0]


def _text(element: Element, path: str) -> str:
    """All the text of the only element there, which holds nothing else."""
    match = _only(element, path)
    if len(match):
        raise Unbelievable(f"more than text in {path}")
    return match.text or ""


def _attributes(assertion: Element) -> dict[str, str]:
    """The attributes of one value."""
    attributes = {}
    for attribute in assertion.findall("saml:AttributeStatement/saml:Attribute", NAMES):
        values = attribute.findall("saml:AttributeValue", NAMES)
        if len(values) == 1 and not len(values[0]):
            attributes[attribute.get("Name", "")] = (values[0].text or "").strip()
    return attributes


def _is_within(element: Element, moment: datetime) -> bool:
    start, end = _moment(element, "NotBefore"), _moment(element, "NotOnOrAfter")
    return (start is None or start <= moment + LEEWAY) and (end is None or moment - LEEWAY < end)


def _moment(element: Element, name: str) -> datetime | None:
    text = element.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:
        raise Unbelievable(f"{name} is {text!r}") from problem
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
