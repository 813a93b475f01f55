"""Certificates of erasures: shown to be true with the commands of any system."""

import hashlib
import json

import pytest

from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.site import erasing, erasure_certificates
from tests.conftest import Cast
from tests.kit.requests import file


def test_an_erasure_leaves_a_certificate_that_names_nobody(
    db: Database, settings: Settings, cast: Cast
):
    file(db, cast.alice, subject="Collier perdu")
    done = erasing.erase(db, cast.root, settings, "Alice@acme.example")
    (certificate,) = erasure_certificates.list_latest(db, cast.root)
    assert (certificate.id, certificate.sha256) == (done.certificate, done.sha256)
    assert certificate.by_id == cast.root.person_id
    assert certificate.counts["people"] == certificate.counts["tickets"] == 1
    text = f"{certificate.id} alice@acme.example".encode()
    assert certificate.subject == hashlib.sha256(text).hexdigest()
    assert certificate.sha256 == hashlib.sha256(certificate.text.encode()).hexdigest()
    assert json.loads(certificate.text)["counts"] == certificate.counts
    assert "alice" not in str(vars(certificate)).lower()


def test_an_altered_certificate_is_known(db: Database, settings: Settings, cast: Cast):
    done = erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    db.execute("UPDATE erasures SET at = '2020-01-01T00:00:00Z'")
    altered = erasure_certificates.find(db, cast.root, done.certificate)
    assert altered.sha256 != hashlib.sha256(altered.text.encode()).hexdigest()


def test_administrators_alone_see_them(db: Database, settings: Settings, cast: Cast):
    done = erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    for viewer in (cast.dan, cast.bob, cast.nobody):
        with pytest.raises(NotFound):
            erasure_certificates.find(db, viewer, done.certificate)
