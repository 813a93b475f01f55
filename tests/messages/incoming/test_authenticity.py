import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kbsearch.config import Settings
from kbsearch.messages.incoming import authenticity as proofs
from kbsearch.messages.incoming import parsing
from kbsearch.messages.incoming.authenticity import SenderProof
from tests.kit.incoming import SERVER, letter, proof, receiving

NOTHING, REFUTED = SenderProof(), SenderProof(is_refuted=True)
SIGNED, SENT = SenderProof(is_signed=True, is_aligned=True), SenderProof(is_aligned=True)


def examine(settings: Settings, raw: bytes, lookup: proofs.Lookup | None = None) -> SenderProof:
    return proofs.examine(settings, parsing.read(raw).fields, raw, lookup)


AR = f"Authentication-Results: {SERVER}"
REPORTS = {
    "all pass": (proof("acme.example"), SIGNED),
    "dkim of the domain above": (f"{AR}; dkim=pass header.d=example.org", NOTHING),
    "dkim of another domain": (f"{AR}; dkim=pass header.d=evil.example", NOTHING),
    "dkim of a domain below": (f"{AR}; dkim=pass header.d=x.acme.example", NOTHING),
    "dkim of a domain that ends alike": (f"{AR}; dkim=pass header.d=me.example", NOTHING),
    "dkim of all domains": (f"{AR}; dkim=pass header.d=example", NOTHING),
    "dkim by identity": (f"{AR}; dkim=pass header.i=@acme.example", SIGNED),
    "dkim fails": (f"{AR}; dkim=fail header.d=acme.example", NOTHING),
    "two signatures": (
        f"{AR}; dkim=fail header.d=acme.example; dkim=pass header.d=acme.example",
        SIGNED,
    ),
    "the pass of one, the domain of the other": (
        f"{AR}; dkim=pass header.d=evil.example; dkim=fail header.d=acme.example",
        NOTHING,
    ),
    "spf": (f"{AR}; spf=pass smtp.mailfrom=alice@acme.example", SENT),
    "spf without a name": (f"{AR}; spf=pass smtp.mailfrom=acme.example", SENT),
    "spf of another domain": (f"{AR}; spf=pass smtp.mailfrom=a@evil.example", NOTHING),
    "spf of the greeting": (f"{AR}; spf=pass smtp.helo=acme.example", NOTHING),
    "dmarc": (f"{AR}; dmarc=pass (p=none dis=none) header.from=acme.example", SENT),
    "dmarc of another domain": (f"{AR}; dmarc=pass header.from=evil.example", NOTHING),
    "dmarc fails": (
        f"{AR}; dkim=pass header.d=acme.example; dmarc=fail header.from=acme.example",
        REFUTED,
    ),
    "in the name of a mailbox": (
        f'{AR}; spf=pass smtp.mailfrom="; dmarc=pass header.from=acme.example"@evil.example',
        NOTHING,
    ),
    "a quote in a comment": (
        f'{AR}; x=1 (") ; dmarc=fail header.from=acme.example ("); spf=pass smtp.mail=acme.example',
        REFUTED,
    ),
    "a version": (f"{AR} 1; dmarc=pass header.from=acme.example", SENT),
    "in a comment": (f"{AR}; dkim=none (dkim=pass header.d=acme.example)", NOTHING),
    "in a comment in another": (
        f"{AR}; dkim=none (a (b) ; dkim=pass header.d=acme.example)",
        NOTHING,
    ),
    "in a text": (f'{AR}; dkim=fail reason="x; dkim=pass header.d=acme.example"', NOTHING),
    "none": (f"{AR}; none", NOTHING),
    "another server": (
        f"Authentication-Results: x{SERVER}; dmarc=pass header.from=acme.example",
        NOTHING,
    ),
    "nothing": (None, NOTHING),
    "its own word for it": ("Received-SPF: pass (alice@acme.example)", NOTHING),
}


@pytest.mark.parametrize(("top", "found"), REPORTS.values(), ids=REPORTS)
def test_what_our_server_found_counts(settings: Settings, top: str | None, found: SenderProof):
    assert examine(receiving(settings), letter(proved=top)) == found


def test_only_the_topmost_word_of_our_server_counts(settings: Settings):
    """Servers should take out what a sender forged in their name. Not all of them do."""
    forged = letter(proved=f"{AR}; dkim=none\n{proof('acme.example')}")
    assert examine(receiving(settings), forged) == NOTHING
    below = letter(proved=f"Authentication-Results: other; none\n{proof('acme.example')}")
    assert examine(receiving(settings), below) == SIGNED


def test_without_a_sender_there_is_nothing_to_prove(settings: Settings):
    raw = letter("alice@acme.example, dan@support.example", proved=proof("support.example"))
    assert examine(receiving(settings), raw) == NOTHING


class Signer:
    """A domain with a key, and the DNS that publishes it."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.record = b"v=DKIM1; k=rsa; p=" + b"".join(public.split(b"\n")[1:-2])

    def sign(self, raw: bytes, domain: bytes = b"acme.example", **more: object) -> bytes:
        signature: bytes = dkim.sign(raw, b"s", domain, self.private, **more)
        return signature + raw

    def look_up(self, name: bytes, timeout: int = 5) -> bytes | None:
        return self.record if name.startswith(b"s._domainkey.") else None


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def alone(settings: Settings) -> Settings:
    """A site whose mail server tells nothing."""
    return receiving(settings, mail_authserv_id="")


def test_a_signature_is_verified_here_when_no_server_did(alone: Settings, signer: Signer):
    raw = letter(proved=proof("acme.example"))
    assert examine(alone, raw, signer.look_up) == NOTHING  # whoever wrote that is not asked
    assert examine(alone, signer.sign(raw), signer.look_up) == SIGNED
    assert examine(alone, signer.sign(raw) + b"more", signer.look_up) == NOTHING
    renamed = signer.sign(raw).replace(b"Subject: Collar", b"Subject: Colour")
    assert examine(alone, renamed, signer.look_up) == NOTHING


def test_a_good_signature_of_another_domain_proves_nothing(alone: Settings, signer: Signer):
    raw = signer.sign(letter(), b"evil.example")
    assert examine(alone, raw, signer.look_up) == NOTHING
    assert examine(alone, signer.sign(raw), signer.look_up) == SIGNED


def test_a_signature_of_a_part_proves_nothing(alone: Settings, signer: Signer):
    raw = signer.sign(letter(), length=True)
    assert examine(alone, raw, signer.look_up) == NOTHING
    assert examine(alone, raw + b"\nmore", signer.look_up) == NOTHING


def test_a_server_that_is_named_is_asked_alone(settings: Settings, signer: Signer):
    raw = signer.sign(letter(proved=None))
    assert examine(receiving(settings), raw, signer.look_up) == NOTHING


def test_no_answer_from_the_dns_proves_nothing(alone: Settings, signer: Signer):
    def silent(name: bytes, timeout: int = 5) -> bytes | None:
        raise TimeoutError

    assert examine(alone, signer.sign(letter()), silent) == NOTHING
    assert examine(alone, b"DKIM-Signature: v=1; a=;;;\n" + letter(), silent) == NOTHING
