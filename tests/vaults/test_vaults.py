"""Each kind of vault, with the real thing at the other end: whole or not there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kbsearch.config import Settings
from kbsearch.i18n import explain
from kbsearch.vaults import OutOfReach, Vault
from kbsearch.vaults.folder import FolderVault
from kbsearch.vaults.opening import open_vault
from kbsearch.vaults.sftp import SftpVault
from tests.kit import s3, vault_servers


@pytest.fixture(scope="module")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with vault_servers.sftp(tmp_path_factory.mktemp("ssh") / "server") as server:
        yield server


@pytest.fixture(params=["folder", "sftp"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    folder = tmp_path / "a vault [of] ours"
    folder.mkdir()
    if request.param == "folder":
        return FolderVault(folder)
    url, ssh_config = request.getfixturevalue("sftp_server")
    return SftpVault(f"{url}{str(folder).replace(' ', '%20')}", str(ssh_config))


def a_file(path: Path, text: str = "all that cannot be made again") -> Path:
    path.write_text(text)
    return path


def test_what_is_put_comes_back_and_goes(vault: Vault, tmp_path: Path):
    assert vault.names() == []
    for name in ("b.tar.gz", "a.tar.gz.age"):
        vault.put(a_file(tmp_path / "source", name), name)
    assert vault.names() == ["a.tar.gz.age", "b.tar.gz"]
    vault.put(a_file(tmp_path / "source", "another"), "b.tar.gz")
    vault.fetch("b.tar.gz", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "another"
    vault.remove("b.tar.gz", "gone.tar.gz")
    assert vault.names() == ["a.tar.gz.age"]


def test_what_was_cut_short_is_not_there_and_is_cleared_away(vault: Vault, tmp_path: Path):
    """Of ours alone: another site may be writing there."""
    folder = tmp_path / "a vault [of] ours"
    a_file(folder / "kbsearch-x.tar.gz.part", "half")
    a_file(folder / "kbsearch-another.tar.gz.part", "half")
    a_file(folder / "letters to somebody.txt")
    assert vault.names() == []
    vault.clear("kbsearch-x")
    assert sorted(path.name for path in folder.iterdir()) == [
        "kbsearch-another.tar.gz.part",
        "letters to somebody.txt",
    ]


def test_an_archive_is_for_its_owner_alone(vault: Vault, tmp_path: Path):
    vault.put(a_file(tmp_path / "source"), "a.tar.gz")
    (kept,) = (tmp_path / "a vault [of] ours").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_place_that_is_away_says_so(sftp_server: tuple[str, Path], tmp_path: Path):
    url, ssh_config = sftp_server
    for away in (
        FolderVault(a_file(tmp_path / "file")),
        SftpVault(f"{url}{tmp_path}/nowhere", str(ssh_config)),
        SftpVault("sftp://127.0.0.1:1/", str(ssh_config)),
        SftpVault(f"{url}{tmp_path}", str(a_file(tmp_path / "no-key", "IdentityFile none"))),
    ):
        with pytest.raises(OutOfReach):
            away.put(a_file(tmp_path / "source"), "a.tar.gz")


def test_the_settings_say_which_kind(tmp_path: Path):
    settings = Settings(site=tmp_path, backup_to="vault")
    vault = open_vault(settings)
    assert isinstance(vault, FolderVault) and vault.root == tmp_path / "vault"
    there = replace(settings, backup_to="sftp://help@host.example/folder")
    assert isinstance(open_vault(there), SftpVault)


def test_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with s3.running() as endpoint:
        for name, value in {**s3.KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "1"}.items():
            monkeypatch.setenv(name, value)
        vault = open_vault(Settings(site=tmp_path, backup_to=f"s3://{s3.BUCKET}/help"))
        other = open_vault(Settings(site=tmp_path, backup_to=f"s3://{s3.BUCKET}"))
        test_what_is_put_comes_back_and_goes(vault, tmp_path)
        assert other.names() == [], "what lies deeper is somebody else's"
        other.clear("")
        assert vault.names() == ["a.tar.gz.age"]
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.replace("://", "://help:its-password@"))
        with pytest.raises(OutOfReach) as away:
            open_vault(Settings(site=tmp_path, backup_to="s3://nobodys")).names()
        reason = explain(away.value, "en")
        assert "/nobodys in" in reason and "404" in reason
        assert "password" not in reason and "list-type" not in reason and "AKIA" not in reason
