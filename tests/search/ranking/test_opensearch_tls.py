"""A cluster behind TLS and a password: who is believed, what is told where it lets nobody in."""

import datetime
import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.fulltext import plan
from kbsearch.search.ranking import Search, indexing
from kbsearch.site.doctor import indexes
from kbsearch.site.doctor.checks import Patient
from tests.conftest import Cast, copied, introduce, take_over
from tests.kit import opensearch
from tests.kit.nginx import AROUND
from tests.kit.providers import free_port, wait_for
from tests.kit.search import ask, ids, put_live, write

PASSWORD = "s3cret-of-the-cluster"
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
YESTERYEAR = datetime.datetime(2002, 1, 1, tzinfo=datetime.UTC)
FAR_AHEAD = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
LOCAL = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
SERVER = """
server {{
  listen 127.0.0.1:{port} ssl; client_max_body_size 20m;
  ssl_certificate {folder}/{name}.pem; ssl_certificate_key {folder}/{name}.key;
  auth_basic cluster; auth_basic_user_file {folder}/users;
  location / {{ {rule} proxy_pass http://{node}; }}
}}
"""


class Authority:
    """A private one, whose certificate no machine knows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme authority")])
        itself = x509.BasicConstraints(ca=True, path_length=None)
        public = self._key.public_key()
        builder = self._begun(self._name, public, FAR_AHEAD).add_extension(itself, critical=True)
        self.path = folder / "ca.pem"
        self.path.write_bytes(self._signed(builder))

    def _begun(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime.datetime
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
        return builder.not_valid_before(LONG_AGO).not_valid_after(until)

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, holder: x509.GeneralName, until: datetime.datetime) -> None:
        """Write NAME.pem and NAME.key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._begun(subject, key.public_key(), until)
        names = x509.SubjectAlternativeName([holder])
        pem = self._signed(builder.add_extension(names, critical=False))
        (self._folder / f"{name}.pem").write_bytes(pem)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (self._folder / f"{name}.key").write_bytes(private)


@dataclass(frozen=True)
class Guarded:
    """A site whose tickets are found through a proxy, with a port for each thing to go wrong."""

    db: SqliteDatabase
    settings: Settings
    cast: Cast
    ports: dict[str, int]
    ca: Path
    prefix: str

    def address(self, port: str, password: str = PASSWORD, ca: Path | None = None) -> str:
        where = f"127.0.0.1:{self.ports[port]}/{self.prefix}"
        return f"opensearch+https://kb:{password}@{where}?ca={ca or self.ca}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Guarded]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed: root can, with apt-get install nginx-light")
    node, prefix = opensearch.address().removeprefix("opensearch+http://").split("/")
    folder = tmp_path_factory.mktemp("proxy")
    authority = Authority(folder)
    authority.issue("good", LOCAL, FAR_AHEAD)
    authority.issue("other", x509.DNSName("other.example"), FAR_AHEAD)
    authority.issue("expired", LOCAL, YESTERYEAR)
    (folder / "users").write_text(f"kb:{{PLAIN}}{PASSWORD}\n", encoding="ascii")
    ports = {name: free_port() for name in ("good", "other", "expired", "denied")}
    servers = "".join(
        SERVER.format(
            port=port,
            folder=folder,
            name="good" if name == "denied" else name,
            rule="deny all;" if name == "denied" else "",
            node=node,
        )
        for name, port in ports.items()
    )
    user = "" if os.getuid() else "user root;"  # its folders are those of the test
    configuration = folder / "nginx.conf"
    configuration.write_text(AROUND.format(user=user, folder=folder, block=servers))
    command = [nginx, "-c", str(configuration), "-e", str(folder / "errors")]
    settings = Settings(site=tmp_path_factory.mktemp("site"))
    with copied(empty_database, settings) as db, subprocess.Popen(command) as process:
        try:
            wait_for(ports["good"], process)
            cast = introduce(db)
            take_over(db, number=1, subject="Sauvegarde impossible")
            site = Guarded(db, settings, cast, ports, authority.path, prefix)
            good = replace(settings, index=site.address("good"))
            write(good.content_path, "fr/guide/a", "Branchez-la.", title="Imprimante")
            put_live(db, good)
            assert (indexing.rebuild_articles(good, db), indexing.rebuild_tickets(good, db)) == (
                1,
                1,
            )
            yield site
        finally:
            process.terminate()


def test_an_authority_is_named_in_the_address_or_to_the_machine(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
):
    named = replace(guarded.settings, index=guarded.address("good"))
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded.ca))
    known = replace(guarded.settings, index=guarded.address("good").partition("?")[0])
    for settings in (named, known):
        results = ask(Search(settings, guarded.db), "sauvegarde", guarded.cast.alice)
        assert (ids(results.hits), results.fallback) == (["1"], None)


@pytest.mark.parametrize(
    ("port", "password", "ca", "reason"),
    [
        ("good", PASSWORD, "/etc/ssl/certs/ca-certificates.crt", plan.UNTRUSTED),
        ("good", PASSWORD, "/nowhere/ca.pem", plan.UNREADABLE_CA),
        ("other", PASSWORD, None, plan.WRONG_NAME),
        ("expired", PASSWORD, None, plan.EXPIRED),
        ("good", "s3cret-but-wrong", None, plan.UNKNOWN_USER),
        ("denied", PASSWORD, None, plan.FORBIDDEN),
    ],
    ids=["authority", "file", "name", "expired", "password", "right"],
)
def test_who_is_not_let_in_is_told_why_and_the_database_answers(
    guarded: Guarded,
    caplog: pytest.LogCaptureFixture,
    port: str,
    password: str,
    ca: str | None,
    reason: str,
):
    address = guarded.address(port, password, Path(ca) if ca else None)
    settings = replace(guarded.settings, index=address)
    with caplog.at_level("INFO"):
        for _ in range(2):  # and again from memory
            results = ask(Search(settings, guarded.db), "sauvegarde", guarded.cast.alice)
            assert (ids(results.hits), results.fallback) == (["1"], "database")
    told = [record.getMessage() for record in caplog.records if "requests" in record.getMessage()]
    assert told and all(reason in line for line in told)
    assert indexing.status(settings, guarded.db)["tickets_unreachable"] == reason
    *_, check = indexes.in_service(Patient(Configuration(settings, {})), guarded.db)
    assert (check.state, check.remedy) == ("fail", reason)
    assert "s3cret" not in caplog.text + repr(check)


def test_no_command_shows_the_password(guarded: Guarded, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KBSEARCH_SITE", str(guarded.settings.site))
    monkeypatch.setenv("KBSEARCH_INDEX", guarded.address("good", "s3cret-but-wrong"))
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    monkeypatch.chdir(guarded.settings.site)
    told = [
        CliRunner().invoke(cli, words).output
        for words in (["index", "status"], ["doctor"], ["config", "show"])
    ]
    sentence = "Il ne connaît pas cet utilisateur ou ce mot de passe (401)"
    assert sentence in told[0] and sentence in " ".join(told[1].split())
    assert f"127.0.0.1:{guarded.ports['good']}" in told[2]
    assert "s3cret" not in "".join(told)
