"""A real server of OpenSSH on loopback, that a backup may leave to."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path

import pytest

from tests.kit.providers import free_port
from tests.kit.waiting import listens, until

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")


@contextmanager
def sftp(folder: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server of this user, and the ssh_config that knows it and has a key."""
    if SSHD is None or shutil.which("sftp") is None:
        pytest.skip("OpenSSH's server is not installed")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where the server separates its privileges
    folder.mkdir()
    for name in ("host", "client"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(make, check=True)
    port = free_port()
    shutil.copyfile(folder / "client.pub", folder / "authorized")
    host_key = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nSubsystem sftp internal-sftp\n"
    )
    (folder / "ssh_config").write_text(
        f"IdentityFile {folder}/client\nIdentitiesOnly yes\n"
        f"UserKnownHostsFile {folder}/known_hosts\n"
    )
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=-3)
    try:
        until(lambda: listens(port))
        yield f"sftp://{getuser()}@127.0.0.1:{port}", folder / "ssh_config"
    finally:
        server.terminate()
        server.wait()
