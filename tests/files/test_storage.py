"""Files in a folder and in a bucket: the same verbs, the same pages; and a bucket that is away."""

import io
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from flask.testing import FlaskClient

from kbsearch import config_sources, create_app
from kbsearch.access import OPERATOR
from kbsearch.config import ConfigError, Settings
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, Problem, Unavailable
from kbsearch.files import bucket_keys, places
from kbsearch.files.bucket_keys import BucketKeys
from kbsearch.files.store import FileStore
from kbsearch.files.trash import Trash
from kbsearch.site import backups, erasing, exporting, restoring
from kbsearch.site.doctor import folders, servers
from kbsearch.site.doctor.checks import Patient
from tests.conftest import Cast
from tests.kit import s3
from tests.kit.requests import PNG, attach, file, later
from tests.kit.waiting import HUNG
from tests.kit.web import sign_in

pytest.importorskip("obstore")
pytest.importorskip("moto")

FORM = {"subject": "Collar lost", "description": "The collar of a cow is lost."}
KEY = "key-of-the-form"
NOWHERE = "http://127.0.0.1:9"  # discards what comes; nobody listens
BOTH = pytest.mark.parametrize("kind", ["folder", "bucket"], indirect=True)
ALWAYS_OLD = -3600.0


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3.running() as address:
        yield address


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "bucket"))


@pytest.fixture
def settings(
    settings: Settings, kind: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for name, value in {**s3.KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    if kind == "folder":
        return replace(settings, files=Path("elsewhere"))
    return replace(settings, files=f"s3://{s3.BUCKET}/{settings.site.name}")


@pytest.fixture
def bin(settings: Settings) -> Trash:
    return places.trash(settings)


@pytest.fixture
def away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same site, and a bucket that cannot be reached."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    return replace(settings, files=f"s3://{s3.BUCKET}/away/{settings.site.name}")


def keep(store: FileStore, *contents: bytes) -> list[str]:
    return [store.write(io.BytesIO(each), 100, lambda _: None).sha256 for each in contents]


def keys(bin: Trash, folder: str) -> list[str]:
    return sorted(item.key for item in bin.storage.objects(folder))


@BOTH
def test_a_content_is_there_once_and_read_from_any_place(store: FileStore):
    (digest,) = {*keep(store, b"0123456789", b"0123456789")}
    assert store.sizes() == {digest: 10}
    with store.open(digest) as content:
        assert content.seek(7) == 7
        assert content.read() == b"789"
    store.remove(digest)
    store.remove(digest)
    assert not store.has(digest)
    with pytest.raises(FileNotFoundError):
        store.open(digest)


@BOTH
def test_what_is_refused_leaves_nothing(store: FileStore):
    def refuse(_: object) -> None:
        raise Invalid("attachment.empty", name="x")

    with pytest.raises(Invalid):
        store.write(io.BytesIO(b"x"), 100, refuse)
    with pytest.raises(Invalid):
        store.write(io.BytesIO(b"x" * 101), 100, lambda _: None)
    assert store.sizes() == {}
    assert [*store.storage.objects(store.name)] == []


@BOTH
def test_a_sweep_goes_by_rows_and_to_the_trash_first(store: FileStore, bin: Trash):
    wanted, orphan, mine = keep(store, b"wanted", b"orphan", b"mine")
    named = {wanted}
    let_go = {mine: ["alice"]}

    def sweep(older_than: float) -> int:
        return store.sweep(named.intersection, let_go, bin, older_than=older_than).moved

    assert sweep(3600) == 0, "all are young"
    assert sweep(ALWAYS_OLD) == 2
    assert set(store.sizes()) == {wanted}
    today = datetime.now(UTC).date().isoformat()
    thrown = [f"trash/{today}/files/{name}" for name in sorted((orphan, f"{mine}.alice"))]
    assert keys(bin, "trash") == thrown
    named.add(orphan)
    sweep(3600)
    assert set(store.sizes()) == {wanted, orphan}, "what a row names again comes back"
    bin.erase("files", [], ["alice"])
    assert keys(bin, "trash") == []


@BOTH
def test_the_trash_is_emptied_by_the_day(store: FileStore, bin: Trash):
    keep(store, b"orphan")
    store.sweep(lambda _: set(), {}, bin, older_than=ALWAYS_OLD)
    bin.empty(at=datetime.now(UTC) + timedelta(days=30))
    assert len(keys(bin, "trash")) == 1
    bin.empty(at=datetime.now(UTC) + timedelta(days=31))
    assert keys(bin, "trash") == []


@BOTH
def test_a_download_is_for_its_readers_whole_or_in_pieces(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, store: FileStore
):
    kept = attach(db, cast.alice, store, KEY, "été.txt", b"0123456789\n")
    file(db, cast.alice, key=KEY, confidential=True)
    url = f"/attachments/{kept.id}/été.txt"
    sign_in(client, db, cast.chloe)
    assert client.get(url, buffered=True).status_code == 404
    sign_in(client, db, cast.alice)
    whole = client.get(url, buffered=True)
    assert (whole.data, whole.content_length) == (b"0123456789\n", 11)
    piece = client.get(url, headers={"Range": "bytes=2-4"}, buffered=True)
    assert (piece.status_code, piece.data) == (206, b"234")
    assert client.get(url, headers={"Range": "bytes=99-"}, buffered=True).status_code == 416
    again = client.get(url, headers={"If-None-Match": whole.headers["ETag"]}, buffered=True)
    assert (again.status_code, again.data) == (304, b"")
    store.remove(kept.sha256)
    assert client.get(url, buffered=True).status_code == 404


@pytest.mark.sqlite_only
@BOTH
def test_backup_restore_and_export_have_every_file(
    settings: Settings, db: SqliteDatabase, cast: Cast, store: FileStore, tmp_path: Path
):
    kept = attach(db, cast.alice, store, KEY, "lamp.png", PNG)
    file(db, cast.alice, key=KEY)
    manifest = backups.create(settings, db, tmp_path / "site.tar")
    assert (f"data/files/{kept.sha256[:2]}/{kept.sha256}" in manifest.files, manifest.missing) == (
        True,
        (),
    )
    exported = exporting.export(settings, db, tmp_path / "out")
    assert exported.attachments == 1
    assert [path.read_bytes() for path in tmp_path.glob("out/attachments/*/*")] == [PNG]
    there = replace(settings, site=tmp_path / "there")
    if isinstance(there.files, str):
        there = replace(there, files=f"s3://{s3.BUCKET}/{tmp_path.name}-there")
    there.site.mkdir()
    restoring.restore(Configuration(there, {}), tmp_path / "site.tar")
    with places.attached(there).open(kept.sha256) as content:
        assert content.read() == PNG


@BOTH
def test_who_is_erased_is_erased_from_there(
    settings: Settings, db: SqliteDatabase, cast: Cast, store: FileStore
):
    attach(db, cast.alice, store, KEY, at=later(days=0))
    erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    assert store.sizes() == {}


def test_nothing_is_left_on_this_machine(
    settings: Settings, db: SqliteDatabase, cast: Cast, store: FileStore
):
    attach(db, cast.alice, store, KEY)
    assert not (settings.data_path / "files").exists()
    (check,) = servers.bucket(Patient(Configuration(settings, {})))
    assert check.state == "ok"


def test_a_bucket_hands_a_download_out_under_its_name_and_never_a_picture(
    settings: Settings, db: SqliteDatabase, cast: Cast, store: FileStore
):
    text = attach(db, cast.alice, store, KEY, "été d'ici.txt", b"one line\n")
    picture = attach(db, cast.alice, store, KEY, "lamp.png", PNG)
    file(db, cast.alice, key=KEY, confidential=True)
    client = create_app(replace(settings, files_signed=True), db).test_client()
    sign_in(client, db, cast.chloe)
    assert client.get(f"/attachments/{text.id}/{text.name}").status_code == 404
    sign_in(client, db, cast.alice)
    answer = client.get(f"/attachments/{text.id}/{text.name}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "private, no-store")
    with urllib.request.urlopen(answer.location, timeout=HUNG) as there:
        assert there.read() == b"one line\n"
        assert quote("été d'ici.txt", safe="") in there.headers["Content-Disposition"]
        assert there.headers["Content-Type"] == "application/octet-stream"
    shown = client.get(f"/attachments/{picture.id}/lamp.png", buffered=True)
    assert (shown.status_code, shown.data) == (200, PNG)


def test_a_file_sent_to_a_bucket_that_is_away_is_refused_and_the_text_stays(
    away: Settings, db: SqliteDatabase, cast: Cast
):
    client = create_app(away, db).test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    sign_in(client, db, cast.alice)
    sent = {**FORM, "key": KEY, "files": [(io.BytesIO(b"one line"), "log.txt")]}
    answer = client.post("/en/requests/new", data=sent)
    assert answer.status_code == 422
    assert "Your text is not lost" in answer.text
    assert FORM["description"] in answer.text
    assert db.query("SELECT id FROM attachments") == []
    upload = {"files": [(io.BytesIO(b"one line"), "log.txt")]}
    told = client.post(
        f"/en/requests/drafts/{KEY}/files", data=upload, headers={"HX-Request": "true"}
    )
    assert (told.status_code, "Your text is not lost" in told.text) == (503, True)


def test_doctor_and_readyz_tell_of_a_bucket_that_is_away_and_no_key_is_told(
    away: Settings, db: SqliteDatabase, caplog: pytest.LogCaptureFixture
):
    token = {"Authorization": "Bearer open-sesame"}
    client = create_app(replace(away, metrics_token="open-sesame"), db).test_client()
    assert client.get("/readyz", headers=token).json["files"] is False  # type: ignore[index]
    checks = [*servers.bucket(Patient(Configuration(away, {})))]
    assert [(check.name, check.state) for check in checks] == [("bucket", "fail")]
    assert f"{away.files} cannot be reached" in caplog.text
    assert not any(key in caplog.text for key in s3.KEYS.values() if key != "eu-west-3")
    with pytest.raises(Unavailable):
        erasing.erase(db, OPERATOR, away, "alice@acme.example")


def test_a_bucket_that_is_not_there_is_away(settings: Settings, caplog: pytest.LogCaptureFixture):
    nowhere = replace(settings, files="s3://no-such-bucket")
    with pytest.raises(Unavailable):
        places.storage(nowhere).check()
    assert "s3://no-such-bucket cannot be reached" in caplog.text


def test_keys_come_from_a_file_over_the_environment(tmp_path: Path):
    path = tmp_path / "keys"
    path.write_text("[default]\naws_access_key_id = A%1\nendpoint_url=https://minio.example\n")
    environ = {"AWS_ACCESS_KEY_ID": "B", "AWS_SECRET_ACCESS_KEY": "S", "AWS_DEFAULT_REGION": "r"}
    assert bucket_keys.read(path, environ) == BucketKeys(
        "A%1", "S", "", "r", "https://minio.example"
    )
    assert bucket_keys.read(None, {}) == BucketKeys()
    assert "A%1" not in repr(bucket_keys.read(path, environ))
    path.write_text("aws_access_key_id")
    with pytest.raises(Problem, match="keys_unreadable"):
        bucket_keys.read(path, environ)


def test_doctor_looks_who_may_read_the_keys(settings: Settings):
    path = settings.site / "keys"
    path.touch()
    patient = Patient(Configuration(replace(settings, files_keys="keys"), {}))
    for mode, state in ((0o644, "fail"), (0o600, "ok")):
        path.chmod(mode)
        assert [check.state for check in folders.secrets(patient)] == [state]


def test_without_the_extra_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(config_sources, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'kbsearch\[s3\]'"):
        config_sources.convert("files", "s3://bucket/prefix", "here")


@pytest.mark.parametrize("value", ["s3://", "s3://key:secret@bucket", "gs://bucket", "s3://a b"])
def test_what_is_neither_a_folder_nor_a_bucket_is_refused(value: str):
    with pytest.raises(ConfigError, match="it is a folder, or s3://bucket/prefix"):
        config_sources.convert("files", value, "here")


@pytest.mark.parametrize("token", ["", "of/a+session="])
def test_a_signed_address_is_what_amazon_makes_of_it(
    token: str, monkeypatch: pytest.MonkeyPatch, endpoint: str
):
    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    own = BucketKeys("AKIA", "s/e+cret", token, "eu-west-3", endpoint)
    signed = own.signed("bucket/a prefix/files/aa/aabb", "été d'ici.txt", at)
    assert signed is not None
    url = urlsplit(signed)
    values = {name: value for name, (value,) in parse_qs(url.query).items()}
    assert values["response-content-disposition"].endswith("%C3%A9t%C3%A9%20d%27ici.txt")
    monkeypatch.setattr(auth, "get_current_datetime", lambda: at.replace(tzinfo=None))
    theirs = AWSRequest("GET", f"{endpoint}{unquote(url.path)}".replace(" ", "%20"))
    theirs.params = {name: value for name, value in values.items() if name.startswith("response")}
    credentials = Credentials("AKIA", "s/e+cret", token or None)
    auth.S3SigV4QueryAuth(credentials, "s3", "eu-west-3", expires=60).add_auth(theirs)
    expected = parse_qs(urlsplit(str(theirs.url)).query)
    assert values == {name: value for name, (value,) in expected.items()}
