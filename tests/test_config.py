from pathlib import Path
from typing import Any

import pytest

from kbsearch import cluster_address, config, config_sources
from kbsearch.config import ConfigError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kbsearch.toml"
    path.write_text(text)
    return path


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(tmp_path: Path):
    path = write(tmp_path, "port = 1\nhost = 'file'\nworkers = 3\n")
    environ = {"KBSEARCH_PORT": "2", "KBSEARCH_HOST": "variable"}
    found = config_sources.load(path, {"port": 9, "host": None}, environ)
    settings, sources = found.settings, found.sources
    assert (settings.port, sources["port"]) == (9, "flag")
    assert (settings.host, sources["host"]) == ("variable", "KBSEARCH_HOST")
    assert (settings.workers, sources["workers"]) == (3, str(path))
    assert (settings.site_name, sources["site_name"]) == ("kbsearch", "default")


def test_a_secret_is_read_from_the_file_a_variable_names(tmp_path: Path):
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    environ = {"KBSEARCH_METRICS_TOKEN_FILE": str(secret)}
    found = config_sources.load(write(tmp_path, ""), environ=environ)
    assert found.settings.metrics_token == "s3cret"
    assert found.sources["metrics_token"] == "KBSEARCH_METRICS_TOKEN_FILE"


def test_a_variable_beats_the_file_it_could_name(tmp_path: Path):
    environ = {"KBSEARCH_METRICS_TOKEN": "here", "KBSEARCH_METRICS_TOKEN_FILE": "/nowhere"}
    found = config_sources.load(write(tmp_path, ""), environ=environ)
    assert found.settings.metrics_token == "here"


def test_a_file_that_is_not_there_refuses_to_start(tmp_path: Path):
    with pytest.raises(ConfigError, match="KBSEARCH_METRICS_TOKEN_FILE: .*nowhere"):
        config_sources.load(
            write(tmp_path, ""), environ={"KBSEARCH_METRICS_TOKEN_FILE": "/nowhere"}
        )
    with pytest.raises(ConfigError, match="no such file; 'kbsearch init DIR' makes one"):
        config_sources.load(tmp_path / "missing.toml", environ={})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 'x'", "port: 'x' is not a whole number"),
        ("port = true", "port: True is not a whole number"),
        ("port = 8080.5", "port: 8080.5 is not a whole number"),
        ("port = 65536", "port: 65536 is not a port"),
        ("workers = 0", "workers: 0 is not between"),
        ("trusted_proxies = -1", "trusted_proxies"),
        ("incident_hours = 0", "incident_hours: it counts hours"),
        ("incident_requests = 1", "incident_requests: it counts requests"),
        ("incident_people = 4", "incident_people: it counts people: 1 to 3"),
        ("host = 5", "host: 5 is not a text"),
        ("database = ''", "database: '' is not a path"),
        ("languages = 'de'", "languages: pick from fr, en"),
        ("languages = []", "languages: pick from fr, en"),
        ("languages = [1]", "languages"),
        ("base_url = 'help.example'", "base_url"),
        ("default_audience = 'friends'", "default_audience"),
        ("default_audience = 'org:'", "default_audience"),
        ("oidc_trusts_factor = 'perhaps'", "'perhaps' is neither true nor false"),
        ("oidc_trusts_factor = 2", "2 is neither true nor false"),
        ("oidc_link_by_email = 'always'", "oidc_link_by_email: pick from never, verified"),
        ("oidc_issuer = 'https://id.example'", "oidc_issuer: it needs oidc_client_id"),
        ("oidc_issuer = 'http://id.example'\noidc_client_id = 'x'", "start with https://"),
        ("oidc_issuer = 'id.example'\noidc_client_id = 'x'", "start with https://"),
        ("jwt_shared_secret = 'thirty-one bytes are not enough'", "32 bytes at least"),
        ("prot = 80", "there is no setting 'prot'"),
        ("port = ", "kbsearch.toml"),
    ],
)
def test_a_wrong_value_refuses_to_start_and_names_its_source(tmp_path: Path, text: str, named: str):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as problem:
        config_sources.load(path, environ={})
    assert str(problem.value).startswith(f"{path}: ")
    assert named in str(problem.value)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://id.example", True),
        ("https://id.example:8443/realms/acme", True),
        ("http://127.0.0.1:9400", True),
        ("http://localhost", True),
        ("http://[::1]:9400", True),
        ("http://id.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("javascript:alert(1)", False),
        ("//id.example", False),
        ("https://", False),
        ("", False),
    ],
)
def test_a_provider_is_asked_over_https_or_on_this_machine(url: str, private: bool):
    assert config.is_private(url) is private


def test_a_wrong_variable_is_named_too(tmp_path: Path):
    path = write(tmp_path, "")
    with pytest.raises(ConfigError, match="^KBSEARCH_PORT: port: 'high' is not a whole number"):
        config_sources.load(path, environ={"KBSEARCH_PORT": "high"})
    with pytest.raises(ConfigError, match="^flag: port: 70000 is not a port"):
        config_sources.load(path, {"port": 70000}, environ={})


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path):
    path = write(tmp_path, "data = 'kept'\nindex = '/elsewhere/index'\n")
    settings = config_sources.load(path, environ={}).settings
    assert settings.data_path == tmp_path / "kept"
    assert settings.index_path == Path("/elsewhere/index")
    assert settings.database_path == tmp_path / "var" / "kbsearch.sqlite3"


def test_an_index_lies_in_a_folder_or_in_a_cluster(tmp_path: Path):
    pytest.importorskip("opensearchpy")
    address = "opensearch+https://kb:s3cret%40@a.example,[::1]:9201/help?ca=/x.pem&replicas=0"
    settings = config_sources.load(write(tmp_path, f"index = '{address}'"), environ={}).settings
    assert settings.index_address == address and "s3cret" not in settings.index_name
    assert settings.index_path == tmp_path / "var" / "index"
    cluster = cluster_address.parsed(address)
    assert cluster.nodes == (("a.example", 9200), ("::1", 9201)) and cluster.is_encrypted
    assert (cluster.password, cluster.prefix, cluster.ca) == ("s3cret@", "help", "/x.pem")
    assert (cluster.shards, cluster.replicas) == (1, 0) and "s3cret" not in repr(cluster)


@pytest.mark.parametrize(
    "address",
    [
        "opensearch://a.example",
        "opensearch+http://kb:s3cret@a.example",
        "opensearch+https://kb:s3cret@a.example:99999",
        "opensearch+https://kb:s3cret@",
        "opensearch+https://kb:s3cret@a.example/Help/x",
        "opensearch+https://kb:s3cret@a.example?verify=no",
        "opensearch+https://kb:s3cret@a.example?shards=0",
        "opensearch+https://kb:s3cret@[a",
    ],
)
def test_a_wrong_address_of_a_cluster_is_refused_without_its_password(tmp_path: Path, address: str):
    with pytest.raises(ConfigError, match="index: ") as refusal:
        config_sources.load(write(tmp_path, f"index = '{address}'"), environ={})
    assert "s3cret" not in str(refusal.value)


def test_the_one_site_below_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert config_sources.load(environ={}).sources["site_name"] == "default"
    (tmp_path / "one").mkdir()
    write(tmp_path / "one", "site_name = 'One'")
    assert config_sources.load(environ={}).settings.site_name == "One"
    (tmp_path / "two").mkdir()
    write(tmp_path / "two", "site_name = 'Two'")
    assert config_sources.load(environ={}).settings.site_name == "kbsearch", (
        "which of the two is a guess"
    )
    write(tmp_path, "site_name = 'Here'")
    assert config_sources.load(environ={}).settings.site_name == "Here"
    environ = {"KBSEARCH_CONFIG": str(tmp_path / "two" / "kbsearch.toml")}
    assert config_sources.load(environ=environ).settings.site_name == "Two"


def test_what_is_secret_is_in_no_repr():
    """A trace of an error, or a failed comparison, shows settings as they represent themselves."""
    values: dict[str, Any] = {
        name: "s3cret" for name, item in config.FIELDS.items() if item.metadata["secret"]
    }
    assert len(values) > 5
    values["database"] = "postgresql://kb:s3cret@db.example/kb"
    values["index"] = "opensearch+https://kb:s3cret@search.example/kb"
    assert "s3cret" not in repr(config.Settings(**values))


def test_every_setting_says_what_it_is_for():
    for name, item in config.FIELDS.items():
        assert item.metadata["told"], name
        assert isinstance(item.metadata["secret"], bool)


@pytest.mark.parametrize(
    ("name", "value"), [("smtp_url", "mail.example:25"), ("secret_key", "too short")]
)
def test_a_mail_server_and_a_key_are_checked_at_the_start(name: str, value: str):
    with pytest.raises(ConfigError, match=f"KBSEARCH_{name.upper()}: {name}: "):
        config_sources.load(environ={f"KBSEARCH_{name.upper()}": value})


@pytest.mark.parametrize(
    ("written", "value"), [("true", True), ("false", False), ("'True'", True), ("'false'", False)]
)
def test_a_switch_is_true_or_false(tmp_path: Path, written: str, value: bool):
    path = write(tmp_path, f"expired_contract_requests = {written}\n")
    assert config_sources.load(path, environ={}).settings.expired_contract_requests is value


@pytest.mark.parametrize("written", ["1", "'yes'", "''", "[]"])
def test_a_switch_is_nothing_else(tmp_path: Path, written: str):
    path = write(tmp_path, f"expired_contract_requests = {written}\n")
    with pytest.raises(ConfigError, match="neither true nor false"):
        config_sources.load(path, environ={})
