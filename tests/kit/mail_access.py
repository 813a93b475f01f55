"""What the tests of mail with tokens share: the provider at work, and servers that ask it."""

import base64
import dataclasses
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import build_opener

import pytest
from aiosmtpd.smtp import AuthResult

from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.delivery import fetching, mail_provider, mail_tokens
from tests.kit.mail import Mailbox, serving
from tests.kit.mail_provider import CLIENT, SECRET, USER
from tests.kit.places import TOP
from tests.kit.providers import Stay, free_port, sent_along, wait_for
from tests.kit.waiting import HUNG

needs_dovecot = pytest.mark.skipif(
    shutil.which("dovecot") is None or os.getuid() != 0, reason="needs dovecot, started by root"
)
AT = USER.replace("@", "%40")


@dataclass(frozen=True)
class Running:
    """The provider's address, and what can be had from it."""

    url: str

    def post(self, path: str, **form: str) -> dict[str, Any]:
        return fetching.ask(f"{self.url}/{path}", form=form).content

    def seen(self, grant: str) -> int:
        return int(self.post("seen").get(grant, 0))

    def admits(self, token: str) -> bool:
        return bool(self.post("introspect", token=token)["active"])

    def settings(self, settings: Settings, **changes: Any) -> Settings:
        usual = {
            "mail_oauth": f"{self.url}/token",
            "mail_oauth_authorization": f"{self.url}/authorize",
            "mail_oauth_scope": "mail",
            "mail_oauth_client_id": CLIENT,
            "mail_oauth_client_secret": SECRET,
        }
        return dataclasses.replace(settings, **{**usual, **changes})

    def consent(self, db: Database, viewer: Viewer, settings: Settings) -> None:
        """An administrator goes there and comes back."""
        provider = mail_provider.of(settings)
        assert provider is not None
        verifier = "v" * 43
        back = follow(provider.address("state", verifier))
        mail_tokens.consent(db, viewer, settings, sent_along(back)["code"], verifier)


def follow(address: str) -> str:
    """Where the provider sends the browser."""
    with pytest.raises(HTTPError) as answer:
        build_opener(Stay).open(address, timeout=HUNG)
    with answer.value as redirect:
        return str(redirect.headers["Location"])


@contextmanager
def provider_at_work() -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "tests.kit.mail_provider", str(port)]
    with subprocess.Popen(command, cwd=TOP) as process:
        try:
            wait_for(port, process)
            yield Running(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


class TokenMailbox(Mailbox):
    """A mail server that takes nothing but a token, and asks the provider about it."""

    def __init__(self, provider: Running, mechanism: str) -> None:
        super().__init__()
        self.provider = provider
        setattr(self, f"auth_{mechanism}", self._authenticate)

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 OK"

    async def _authenticate(self, server: Any, args: list[str]) -> AuthResult:
        said = base64.b64decode(args[1]).decode()
        token = said.partition("auth=Bearer ")[2].rstrip("\x01")
        who = f"user={USER}\x01" if args[0] == "XOAUTH2" else f"a={USER},\x01"
        if who in said and self.provider.admits(token):
            return AuthResult(success=True)
        sad = await server.challenge_auth('{"status":"401","schemes":"bearer"}')
        assert sad in (b"", b"\x01"), sad
        return AuthResult(success=False, handled=False)


@contextmanager
def token_server(provider: Running, mechanism: str = "XOAUTH2") -> Iterator[tuple[str, Mailbox]]:
    """A real SMTP server that asks for tokens; its URL."""
    mailbox = TokenMailbox(provider, mechanism)
    excluded = ["LOGIN", "PLAIN"]
    with serving(mailbox, auth_exclude_mechanism=excluded, auth_require_tls=False) as port:
        yield f"smtp://{AT}@127.0.0.1:{port}", mailbox


@contextmanager
def dovecot(folder: Path, provider: Running, mechanism: str = "xoauth2") -> Iterator[str]:
    """A real IMAP server that asks for tokens; its URL."""
    port = free_port()
    nobody = pwd.getpwnam("nobody")
    home = folder / "home"
    (home / "Maildir" / "new").mkdir(parents=True)
    for place in (home, *home.rglob("*")):
        os.chown(place, nobody.pw_uid, nobody.pw_gid)
    oauth = folder / "oauth2.conf"
    oauth.write_text(
        f"introspection_mode = post\nintrospection_url = {provider.url}/introspect\n"
        "username_attribute = username\nactive_attribute = active\nactive_value = true\n"
    )
    sockets = Path(tempfile.mkdtemp(prefix="kbsearch", dir="/tmp"))  # their names are short
    sockets.chmod(0o755)
    configuration = folder / "dovecot.conf"
    configuration.write_text(
        f"""
base_dir = {sockets}
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
protocols = imap
listen = 127.0.0.1
default_vsz_limit = 0
auth_mechanisms = {mechanism}
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = oauth2
  mechanisms = {mechanism}
  args = {oauth}
}}
userdb {{
  driver = static
  args = uid={nobody.pw_uid} gid={nobody.pw_gid} home={home}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""
    )
    for place in (folder, *folder.parents):  # which pytest keeps to its owner
        if not place.stat().st_mode & 0o001:
            place.chmod(place.stat().st_mode | 0o011)
    with subprocess.Popen(["dovecot", "-F", "-c", str(configuration)]) as process:
        try:
            wait_for(port, process)
            yield f"imap://{AT}@127.0.0.1:{port}/INBOX"
        finally:
            process.terminate()
    shutil.rmtree(sockets)


def deliver(folder: Path, raw: bytes) -> None:
    """Put a mail into the mailbox of dovecot."""
    path = folder / "home" / "Maildir" / "new" / f"{time.time_ns()}.1.here"
    path.write_bytes(raw)
    nobody = pwd.getpwnam("nobody")
    os.chown(path, nobody.pw_uid, nobody.pw_gid)
