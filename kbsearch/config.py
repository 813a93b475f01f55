"""Settings: flags over KBSEARCH_* (or KBSEARCH_*_FILE) over kbsearch.toml over the defaults."""

import dataclasses
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kbsearch import check_levels, field_tables, keep_rules, target_tables, team_tables
from kbsearch.form_fields import FormField
from kbsearch.target_tables import TargetTable
from kbsearch.team_tables import TeamTable

CONFIG_NAME = "kbsearch.toml"
SOURCES = "KBSEARCH_SOURCES"  # where the settings come from that a parent gives its children
LANGUAGES = ("fr", "en")
LINKING = ("never", "verified")
LOG_FORMATS = ("text", "json")
MAIL_FLOWS = ("code", "client_credentials")
TENANT = re.compile(r"[a-z0-9][a-z0-9.-]*", re.I)
SHORTEST_SHARED_SECRET = 32  # bytes, as RFC 7518 asks for HS256
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.I)
CLAMD = re.compile(rf"/\S+|(?:{HOST.pattern}|\[[0-9a-f:]+\]):\d{{1,5}}", re.I)
ORIGIN = re.compile(rf"https?://(?:{HOST.pattern})(?::\d{{1,5}})?", re.I)
ACCENT = re.compile(r"#[0-9a-fA-F]{6}")
LINK = re.compile(r"(?:https?://|mailto:|/)[^\s\"<>]+")
TEXTS_OF_PAGES = tuple(
    f"{name}_{language}"
    for name in ("home_title", "home_text", "footer_links", "legal_notice")
    for language in LANGUAGES
)
MAX_LINE = 200
MAX_PAGE_TEXT = 20_000
IMAP_SCHEMES = ("imaps://", "imap+starttls://", "imap://127.0.0.1", "imap://localhost")
SMTP_SCHEMES = ("smtp://", "smtp+starttls://", "smtps://")
SHORTEST_KEY = 32
BACKUP_SCHEMES = ("sftp", "s3")
TIME_OF_DAY = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
# A server that git speaks with; what else has a colon would have it run a program.
REMOTE = re.compile(r"(?:ssh|https|http|file)://\S+|[\w.-]+@[\w.-]+:[^\s:]\S*")
BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,62}(?:/[A-Za-z0-9._-]+)*/?")
POSTGRESQL_SCHEMES = ("postgresql://", "postgres://")


class ConfigError(Exception):
    """A setting is wrong; the text names it, its source and what it takes.

    `reason` is that without name and source, for whoever typed it: a message and its values.
    """

    def __init__(self, text: str, name: str = "", reason: str = "", /, **values: object) -> None:
        super().__init__(text)
        self.name = name
        self.reason = reason
        self.values = values


def _(sentence: str) -> str:
    """Mark a sentence for the catalogues: administrators read it in the browser too."""
    return sentence


def _setting(default: Any, sentence: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"told": sentence, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """Every setting, its default and one sentence about it (the README's table is checked)."""

    site: Path = _setting(Path("."), "The folder that relative paths below start from")
    site_name: str = _setting("kbsearch", "The name shown in the header and in page titles")
    accent: str = _setting("", "The colour of the site as #17494d; empty: our own")
    home_title_fr: str = _setting("", "Title of the home page in French")
    home_title_en: str = _setting("", "Title of the home page in English")
    home_text_fr: str = _setting("", "Words below it in French, Markdown")
    home_text_en: str = _setting("", "Words below it in English, Markdown")
    footer_links_fr: str = _setting("", "Links at the foot in French, each line name, bar, address")
    footer_links_en: str = _setting("", "Links at the foot in English")
    legal_notice_fr: str = _setting("", "Legal notice in French, Markdown; a page of its own")
    legal_notice_en: str = _setting("", "Legal notice in English, Markdown")
    base_url: str = _setting("http://127.0.0.1:8080", "The address people use, without a path")
    host: str = _setting("127.0.0.1", "The address the web server listens on")
    port: int = _setting(8080, "The port the web server listens on")
    workers: int = _setting(2, "Web processes")
    trusted_proxies: int = _setting(0, "Reverse proxies in front whose X-Forwarded-* count")
    connections_per_address: int = _setting(
        250, "Connections an address has to a web process at most; 0, and behind a proxy: any"
    )
    database: Path | str = _setting(
        Path("var/kbsearch.sqlite3"),
        "The SQLite file, on a local disk; or postgresql://user:password@host/name",
    )
    index: Path = _setting(Path("index"), "The search index; disposable, it rebuilds itself")
    content: Path = _setting(Path("content"), "The folder with articles/ and synonyms.txt")
    data: Path = _setting(Path("var"), "Everything else that is kept: secrets, files, mail")
    files: Path | str = _setting(
        "",
        "Where attachments and incoming mail lie: a folder, or s3://bucket/prefix; empty: data",
    )
    files_keys: str = _setting(
        "", "File with the keys of the bucket, as AWS writes them; empty: AWS_* of the environment"
    )
    files_signed: bool = _setting(
        False, "Whether the bucket hands downloads out itself, by an address of a minute"
    )
    branch: str = _setting(
        "HEAD", "What is live of a git repository; HEAD: whatever is checked out"
    )
    content_remote: str = _setting(
        "", "git address that content is fetched from and pushed to; empty: none", secret=True
    )
    content_fetch_seconds: int = _setting(60, "Seconds between two looks at content_remote")
    languages: tuple[str, ...] = _setting(LANGUAGES, "Languages offered, the first by default")
    default_audience: str = _setting("customers", "Who reads an article that does not say")
    article_review: bool = _setting(
        False, "Whether an article goes live only once another writer than its author approved it"
    )
    check_external: bool = _setting(
        False, "Whether the worker asks the sites that articles lead to, one address at a time"
    )
    check_levels: tuple[str, ...] = _setting(
        (), "What a rule of `kbsearch check` is here: rule=off, rule=warning or rule=error"
    )
    categories: tuple[str, ...] = _setting((), "Categories first on the home page, in this order")
    support_phone: str = _setting("", "Shown wherever a person is the way on")
    support_email: str = _setting("", "Shown wherever a person is the way on")
    software_required: bool = _setting(False, "Whether a request of the form names its software")
    expired_contract_requests: bool = _setting(
        False, "Whether people whose contract has ended may submit requests"
    )
    smtp_url: str = _setting(
        "", "smtp://, smtp+starttls:// or smtps://user:password@host; empty: files", secret=True
    )
    mail_from: str = _setting("", "Sender of every mail; empty: no-reply at the site's host")
    reply_domain: str = _setting("", "Where replies by mail arrive; empty: mail_from's domain")
    mail_authserv_id: str = _setting(
        "", "Our mail server's name in Authentication-Results; empty: the extra kbsearch[dkim]"
    )
    imap_url: str = _setting(
        "", "imaps:// or imap+starttls://user:password@host/INBOX, read every 30 s", secret=True
    )
    clamd: str = _setting("", "The socket or host:port of a virus scanner, which sees files first")
    mail_oauth: str = _setting(
        "", "microsoft, google or a token endpoint: URLs above without password use its tokens"
    )
    mail_oauth_authorization: str = _setting("", "Another provider's authorization endpoint")
    mail_oauth_scope: str = _setting("", "What to ask it for; empty: what mail needs there")
    mail_oauth_tenant: str = _setting("", "The directory (tenant) at Microsoft")
    mail_oauth_client_id: str = _setting("", "The application (client) id at the provider")
    mail_oauth_client_secret: str = _setting("", "The secret it gave with it", secret=True)
    mail_oauth_flow: str = _setting(
        "code", "code: an administrator consents; client_credentials: the application itself"
    )
    sms_url: str = _setting(
        "",
        "Apprise URL or https://…{to}…{text} that sends text messages; empty: files",
        secret=True,
    )
    sms_a_day: int = _setting(10, "Text messages about requests that a person gets a day at most")
    sms_a_day_in_all: int = _setting(500, "The same for all people together")
    secret_key: str = _setting("", "Over 31 characters; empty: var/secret_key, made", secret=True)
    security_contact: str = _setting("", "mailto: or https: address of /.well-known/security.txt")
    webhook_private_targets: tuple[str, ...] = _setting(
        (), "Private hosts and networks (CIDR) that webhooks may reach, also over http"
    )
    api_origins: tuple[str, ...] = _setting(
        (), "Origins, as https://app.example, whose pages may call /api with a token"
    )
    widget_origins: tuple[str, ...] = _setting(
        (), "Origins, as https://app.example, whose pages may show the widget; empty: none"
    )
    zendesk_api: bool = _setting(
        False, "Whether /api/v2 answers programs written for Zendesk, with a personal token"
    )
    log_format: str = _setting(
        "text", "text: lines to read; json: an object a line, also of requests"
    )
    slow_query_ms: int = _setting(
        500, "Milliseconds from which on the log names a statement of the database; 0: none"
    )
    otlp_url: str = _setting(
        "", "Where traces go, as http://127.0.0.1:4318; empty: none; with the extra kbsearch[otel]"
    )
    metrics_token: str = _setting("", "Bearer token of /metrics; empty: no metrics", secret=True)
    oidc_issuer: str = _setting("", "OpenID Connect provider people may sign in with: its issuer")
    oidc_client_id: str = _setting("", "The name the provider knows this site by")
    oidc_client_secret: str = _setting("", "The secret the provider gave with it", secret=True)
    oidc_name: str = _setting("", "What the sign-in button calls the provider")
    oidc_link_by_email: str = _setting(
        "never", "verified: a customer's first sign-in may be matched by verified e-mail"
    )
    oidc_trusts_factor: bool = _setting(
        True, "Whether the provider's word is enough for customers, without our code"
    )
    oidc_acr: tuple[str, ...] = _setting(
        (), "acr values that say the provider asked for two factors, besides amr mfa"
    )
    jwt_shared_secret: str = _setting(
        "", "Shared with the application that hands people over at /access/jwt", secret=True
    )
    jwt_issuer: str = _setting("", "The iss that every hand-over must have; empty: any or none")
    jwt_audience: str = _setting("", "What aud of every hand-over must name; empty: any or none")
    jwt_creates_accounts: bool = _setting(
        False, "Whether a hand-over opens an account in an organisation that exists"
    )
    remote_login_url: str = _setting(
        "", "Where whoever must sign in is sent, with return_to; empty: our own page"
    )
    remote_logout_url: str = _setting(
        "", "Where customers are sent who have signed out; empty: our home page"
    )

    backup_to: str = _setting(
        "", "Where the worker keeps backups: a folder, sftp://user@host/folder or s3://bucket"
    )
    backup_at: str = _setting(
        "02:30", "When it makes one each day, in UTC; empty: only `kbsearch backup` does"
    )
    backup_keep: tuple[str, ...] = _setting(
        ("daily=7", "weekly=4", "monthly=12"), "How many it keeps there: the newest of each"
    )
    backup_recipients: tuple[str, ...] = _setting(
        (), "Public keys (age1…) that backups are encrypted for; a folder may do without"
    )
    backup_ssh_config: str = _setting(
        "", "The ssh_config file for sftp://, with key and known hosts; empty: the user's"
    )

    close_after_days: int = _setting(14, "Days after which a solved request is closed")
    undo_seconds: int = _setting(8, "Seconds in which an agent can call an answer back; 0: none")
    draft_days: int = _setting(30, "Days that what was typed and not sent is kept")
    search_log_days: int = _setting(90, "Days that the words people searched for are kept")
    learning: bool = _setting(True, "Whether what people confirmed moves articles in results")
    incident_hours: int = _setting(24, "Hours within which requests may tell of one incident")
    incident_requests: int = _setting(3, "Requests from which on they look like one incident")
    incident_people: int = _setting(2, "People these requests must come from at least")
    fields: tuple[FormField, ...] = _setting(
        (), "Of earlier releases: [[fields]] tables, taken over once into /admin/fields"
    )
    teams: tuple[TeamTable, ...] = _setting(
        (), "[[teams]] tables, taken over once where there is no team yet: see /admin/teams"
    )
    targets: tuple[TargetTable, ...] = _setting(
        (), "Of earlier releases: [[targets]] tables, taken over once into /admin/targets"
    )

    def at(self, path: Path) -> Path:
        """An absolute path: relative ones start from the site's folder."""
        return (self.site / path).absolute()

    def url(self, path: str, language: str = "") -> str:
        """The address of a page; its language is the site's first where none is named."""
        return f"{self.base_url.rstrip('/')}/{language or self.languages[0]}/{path}"

    def in_language(self, name: str, language: str) -> str:
        """A text of the pages in a language, in the other one where it has none."""
        texts = {tongue: str(getattr(self, f"{name}_{tongue}")) for tongue in LANGUAGES}
        return texts[language] or next(filter(None, texts.values()), "")

    @property
    def database_address(self) -> Path | str:
        """The file of the database, or the address of the server that has it."""
        return self.at(self.database) if isinstance(self.database, Path) else self.database

    @property
    def database_path(self) -> Path:
        """The file of the database; only where it is one."""
        assert isinstance(self.database, Path)
        return self.at(self.database)

    @property
    def database_name(self) -> str:
        """The database as it may be shown."""
        return shown(self.database_address)

    @property
    def index_path(self) -> Path:
        return self.at(self.index)

    @property
    def content_path(self) -> Path:
        return self.at(self.content)

    @property
    def content_remote_address(self) -> str:
        """What git is given as the remote of the content; a path starts from the site's folder."""
        is_path = self.content_remote and not REMOTE.fullmatch(self.content_remote)
        return str(self.at(Path(self.content_remote))) if is_path else self.content_remote

    @property
    def data_path(self) -> Path:
        return self.at(self.data)

    @property
    def files_address(self) -> Path | str:
        """The folder or the bucket of what people attach, of mail as it came and of their trash."""
        if isinstance(self.files, Path):
            return self.at(self.files)
        return self.files or self.data_path

    @property
    def files_keys_path(self) -> Path | None:
        return self.at(Path(self.files_keys)) if self.files_keys else None

    @property
    def is_public(self) -> bool:
        """Articles are for everyone unless they say otherwise: crawlers may come."""
        return self.default_audience == "everyone"


FIELDS = {item.name: item for item in dataclasses.fields(Settings)}


@dataclass(frozen=True)
class Configuration:
    """The settings in force, where each value came from, and the file that was read."""

    settings: Settings
    sources: Mapping[str, str]
    path: Path | None = None


def load(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Configuration:
    """Read the settings; raises ConfigError on an unknown name or a wrong value."""
    path = config or _find(environ)
    values: dict[str, Any] = {}
    sources = dict.fromkeys(FIELDS, "default")
    if path is not None:
        values["site"], sources["site"] = path.parent, str(path)
        for name, value in _read_toml(path).items():
            values[name], sources[name] = convert(name, value, str(path)), str(path)
    parents_sources = json.loads(environ.get(SOURCES, "{}"))
    for name in FIELDS:
        setting = _from_environment(name, environ)
        if setting is not None:
            text, source = setting
            values[name] = convert(name, text, source)
            sources[name] = parents_sources.get(name, source)
    for name, value in (flags or {}).items():
        if value is not None:
            values[name], sources[name] = convert(name, value, f"--{name}"), "flag"
    settings = Settings(**values)
    check(settings, sources)
    return Configuration(settings, sources, path)


def _find(environ: Mapping[str, str]) -> Path | None:
    """The configuration: KBSEARCH_CONFIG, here, or in the one folder below that has one."""
    if environ.get("KBSEARCH_CONFIG"):
        return Path(environ["KBSEARCH_CONFIG"])
    here = Path.cwd() / CONFIG_NAME
    if here.exists():
        return here
    below = sorted(Path.cwd().glob(f"*/{CONFIG_NAME}"))
    return below[0] if len(below) == 1 else None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; 'kbsearch init DIR' makes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigError(f"{path}: {problem}") from None


def _from_environment(name: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    variable = f"KBSEARCH_{name.upper()}"
    if variable in environ:
        return environ[variable], variable
    file = environ.get(f"{variable}_FILE")
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip(), f"{variable}_FILE"
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{variable}_FILE: {problem}") from None


def convert(name: str, value: Any, source: str) -> Any:
    """The value that a text or one of TOML means; raises ConfigError with its source."""
    if name not in FIELDS:
        raise ConfigError(f"{source}: there is no setting '{name}'; see the README's table")
    converter = _CONVERT_NAMED.get(name) or _CONVERT[type(FIELDS[name].default)]
    try:
        return converter(value)
    except (TypeError, ValueError) as problem:
        raise ConfigError(f"{source}: {name}: {problem}") from None


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not str(value).strip().lstrip("-").isdecimal():
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return text == "true"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value


def _path(value: Any) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise ValueError(f"{value!r} is not a path")
    return Path(value).expanduser()


def database_of(value: Any) -> Path | str:
    """A file, or the address of a server; raises ValueError."""
    if not str(value).startswith(POSTGRESQL_SCHEMES):
        return _path(value)
    if not find_spec("psycopg"):
        raise ValueError("PostgreSQL is not installed; run: pip install 'kbsearch[postgresql]'")
    return str(value)


def files_of(value: Any) -> Path | str:
    """A folder, the address of a bucket, or nothing; raises ValueError."""
    if not str(value):
        return ""
    if "://" not in str(value):
        return _path(value)
    if not BUCKET.fullmatch(str(value)):
        raise ValueError("it is a folder, or s3://bucket/prefix")
    if not find_spec("obstore"):
        raise ValueError("S3 is not installed; run: pip install 'kbsearch[s3]'")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{value!r} is not a list of texts")
    return tuple(part.strip() for part in parts if part.strip())


_CONVERT: dict[type, Callable[[Any], Any]] = {
    bool: _boolean,
    int: _integer,
    str: _text,
    tuple: _texts,
    type(Path()): _path,
}
_CONVERT_NAMED: dict[str, Callable[[Any], Any]] = {
    "database": database_of,
    "fields": field_tables.parse,
    "files": files_of,
    "teams": team_tables.parse,
    "targets": target_tables.parse,
}
TABLES = frozenset({"fields", "teams", "targets"})  # what only kbsearch.toml can hold


def check(settings: Settings, sources: Mapping[str, str]) -> None:
    """Raise ConfigError for the first setting that cannot be so, alone or beside the others."""

    def refuse(name: str, reason: str, /, **values: object) -> None:
        text = f"{sources[name]}: {name}: {reason % values if values else reason}"
        raise ConfigError(text, name, reason, **values)

    if not 0 <= settings.port <= 65535:
        refuse("port", f"{settings.port} is not a port (0 to 65535)")
    if not 1 <= settings.workers <= 64:
        refuse("workers", f"{settings.workers} is not between 1 and 64")
    for name in ("sms_a_day", "sms_a_day_in_all"):
        if not 1 <= getattr(settings, name) <= 1_000_000:
            refuse(name, f"{getattr(settings, name)} is not between 1 and 1000000")
    if settings.sms_url.startswith(("http://", "https://")):
        missing = [place for place in ("{to}", "{text}") if place not in settings.sms_url]
        if missing:
            refuse("sms_url", f"the gateway's URL has no {missing[0]}")
    for name in ("api_origins", "widget_origins"):
        for origin in getattr(settings, name):
            if not ORIGIN.fullmatch(origin):
                refuse(name, f"{origin!r} is not an origin as https://app.example")
    if not 0 <= settings.slow_query_ms <= 600_000:
        refuse("slow_query_ms", "it counts milliseconds: 0 to 600000")
    if settings.otlp_url and not settings.otlp_url.startswith(("http://", "https://")):
        refuse("otlp_url", f"{settings.otlp_url!r} does not start with http:// or https://")
    if settings.otlp_url and not find_spec("opentelemetry"):
        refuse("otlp_url", "traces are not installed; run: pip install 'kbsearch[otel]'")
    if settings.log_format not in LOG_FORMATS:
        refuse("log_format", f"pick from {', '.join(LOG_FORMATS)}")
    if not 0 <= settings.undo_seconds <= 60:
        refuse("undo_seconds", "it counts seconds: 0 to 60")
    for name in ("close_after_days", "draft_days", "search_log_days"):
        if not 1 <= getattr(settings, name) <= 3650:
            refuse(name, "it counts days: 1 to 3650")
    if not 1 <= settings.incident_hours <= 720:
        refuse("incident_hours", "it counts hours: 1 to 720")
    if not 2 <= settings.incident_requests <= 100:
        refuse("incident_requests", "it counts requests: 2 to 100")
    if not 1 <= settings.incident_people <= settings.incident_requests:
        refuse("incident_people", "it counts people: 1 to incident_requests")
    _check_backups(settings, refuse)
    if settings.connections_per_address < 0:
        refuse("connections_per_address", "it counts connections: 0 or more")
    if settings.trusted_proxies < 0:
        refuse("trusted_proxies", "it counts proxies: 0 or more")
    unknown = [language for language in settings.languages if language not in LANGUAGES]
    if unknown or not settings.languages:
        refuse("languages", f"pick from {', '.join(LANGUAGES)}")
    try:
        check_levels.parse(settings.check_levels)
    except ValueError as problem:
        refuse("check_levels", str(problem))
    if not settings.base_url.startswith(("http://", "https://")):
        refuse("base_url", f"{settings.base_url!r} does not start with http:// or https://")
    for target in settings.webhook_private_targets:
        if not _is_target(target):
            refuse("webhook_private_targets", f"{target!r} is neither a host nor a network")
    if settings.smtp_url and not settings.smtp_url.startswith(SMTP_SCHEMES):
        refuse("smtp_url", _("it starts with one of %(schemes)s"), schemes=", ".join(SMTP_SCHEMES))
    if settings.imap_url and not settings.imap_url.startswith(IMAP_SCHEMES):
        refuse("imap_url", _("it starts with one of %(schemes)s"), schemes=", ".join(IMAP_SCHEMES))
    _check_mail_oauth(settings, refuse)
    _check_look(settings, refuse)
    if settings.clamd and not CLAMD.fullmatch(settings.clamd):
        refuse("clamd", "it is the path of a socket, or host:port")
    if settings.files_keys_path and not settings.files_keys_path.is_file():
        refuse("files_keys", f"{settings.files_keys_path}: no such file")
    if not _is_remote(settings.content_remote):
        refuse("content_remote", _("git@host:path, ssh://, https:// or the path of a repository"))
    if not 5 <= settings.content_fetch_seconds <= 86400:
        refuse("content_fetch_seconds", "it counts seconds: 5 to 86400")
    if settings.secret_key and len(settings.secret_key) < SHORTEST_KEY:
        refuse("secret_key", f"it has at least {SHORTEST_KEY} characters")
    if not is_audience(settings.default_audience):
        refuse("default_audience", "everyone, customers, agents, org:SLUG or product:SLUG")
    if settings.oidc_link_by_email not in LINKING:
        refuse("oidc_link_by_email", _("pick from %(choices)s"), choices=", ".join(LINKING))
    if settings.oidc_issuer and not is_private(settings.oidc_issuer):
        refuse("oidc_issuer", _("it does not start with https://"))
    if settings.oidc_issuer and not settings.oidc_client_id:
        refuse("oidc_issuer", _("it needs %(other)s as well"), other="oidc_client_id")
    if 0 < len(settings.jwt_shared_secret.encode()) < SHORTEST_SHARED_SECRET:
        refuse("jwt_shared_secret", _("%(bytes)s bytes at least"), bytes=SHORTEST_SHARED_SECRET)
    for name in ("remote_login_url", "remote_logout_url"):
        if getattr(settings, name) and not is_private(getattr(settings, name)):
            refuse(name, _("it does not start with https://"))
    if settings.remote_login_url and not settings.jwt_shared_secret:
        refuse("remote_login_url", _("it needs %(other)s as well"), other="jwt_shared_secret")
    for name in ("oidc_issuer", "jwt_shared_secret"):
        if getattr(settings, name) and not has_single_sign_on():
            refuse(name, _("single sign-on is not installed; run: pip install 'kbsearch[sso]'"))


def _check_backups(settings: Settings, refuse: Callable[..., None]) -> None:
    """What leaves this machine is sealed, and everything that takes is installed."""
    url = urlsplit(settings.backup_to)
    if url.scheme and (url.scheme not in BACKUP_SCHEMES or not url.hostname or url.password):
        refuse("backup_to", "a folder, sftp://user@host/folder or s3://bucket, without password")
    if url.scheme == "sftp" and url.hostname and url.netloc.startswith("-"):
        refuse("backup_to", f"{url.netloc!r} is no host")
    if url.scheme == "s3" and not find_spec("obstore"):
        refuse("backup_to", "object stores are not installed; run: pip install 'kbsearch[s3]'")
    if url.scheme and not settings.backup_recipients:
        refuse("backup_to", "backups that leave this machine are encrypted: set backup_recipients")
    if settings.backup_at and not TIME_OF_DAY.fullmatch(settings.backup_at):
        refuse("backup_at", f"{settings.backup_at!r} is no time of day as 02:30")
    try:
        keep_rules.parse(settings.backup_keep)
    except ValueError as problem:
        refuse("backup_keep", str(problem))
    if settings.backup_recipients and not find_spec("pyrage"):
        refuse("backup_recipients", "age is not installed; run: pip install 'kbsearch[backup]'")
    for recipient in settings.backup_recipients:
        if not RECIPIENT.fullmatch(recipient):
            refuse("backup_recipients", f"{recipient!r} is no public key of age-keygen (age1…)")


def _check_mail_oauth(settings: Settings, refuse: Callable[..., None]) -> None:
    """Tokens go to servers and providers that nobody listens in on, with all they need."""
    provider = settings.mail_oauth
    if settings.mail_oauth_flow not in MAIL_FLOWS:
        refuse("mail_oauth_flow", _("pick from %(choices)s"), choices=", ".join(MAIL_FLOWS))
    if not provider:
        return
    if provider not in ("microsoft", "google") and not is_private(provider):
        refuse("mail_oauth", _("microsoft, google or an address that starts with https://"))
    if not settings.mail_oauth_client_id:
        refuse("mail_oauth", _("it needs %(other)s as well"), other="mail_oauth_client_id")
    if provider == "microsoft" and not TENANT.fullmatch(settings.mail_oauth_tenant):
        refuse("mail_oauth_tenant", _("the id or the domain of your directory"))
    if settings.mail_oauth_flow == "client_credentials":
        if provider == "google":
            refuse(
                "mail_oauth_flow", _("Google lets no application into a mailbox by itself: code")
            )
        if not settings.mail_oauth_client_secret:
            refuse(
                "mail_oauth_flow",
                _("it needs %(other)s as well"),
                other="mail_oauth_client_secret",
            )
    elif "://" in provider and not is_private(settings.mail_oauth_authorization):
        refuse("mail_oauth_authorization", _("an address that starts with https://"))
    for name in ("smtp_url", "imap_url"):
        url = urlsplit(getattr(settings, name))
        is_open = url.scheme in ("smtp", "imap") and "starttls" not in url.query
        if uses_token(settings, url.geturl()) and is_open and url.hostname not in LOCAL_NAMES:
            refuse(name, _("a token is sent over an encrypted connection only"))


def _check_look(settings: Settings, refuse: Callable[..., None]) -> None:
    """The name, the colour and the words of the site are what its pages can show."""
    if not settings.site_name.strip() or not settings.site_name.isprintable():
        refuse("site_name", _("a name on one line"))
    if settings.accent and not ACCENT.fullmatch(settings.accent):
        refuse("accent", _("a colour as #17494d"))
    for name in ("footer_links_fr", "footer_links_en"):
        try:
            links(getattr(settings, name))
        except ValueError as problem:
            refuse(name, _("“%(line)s” is no link as: Name | https://…"), line=str(problem))
    for name in (*TEXTS_OF_PAGES, "site_name", "support_phone", "support_email"):
        limit = MAX_PAGE_TEXT if name in TEXTS_OF_PAGES else MAX_LINE
        if len(getattr(settings, name)) > limit:
            refuse(name, _("%(limit)s characters at most"), limit=limit)


def links(text: str) -> tuple[tuple[str, str], ...]:
    """Links written one a line as `Name | https://…`; raises ValueError with a line that is not."""
    pairs = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        label, bar, url = (part.strip() for part in line.partition("|"))
        if not (label and bar and LINK.fullmatch(url)):
            raise ValueError(line[:MAX_LINE])
        pairs.append((label, url))
    return tuple(pairs)


def uses_token(settings: Settings, url: str) -> bool:
    """Whether a server of mail is given a token: its URL names a user and no password."""
    parts = urlsplit(url)
    return bool(settings.mail_oauth and parts.username and parts.password is None)


def shown(address: Path | str) -> str:
    """The file or the address of a database, as it may be shown."""
    return str(address) if isinstance(address, Path) else without_user(address)


def without_user(url: str) -> str:
    """A URL as it may be shown: without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def is_private(url: str) -> bool:
    """Whether nobody on the way can read or change what is asked there: https, or this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL_NAMES)
    )


def has_single_sign_on() -> bool:
    """Whether the packages of the extra [sso] are there."""
    return all(find_spec(package) for package in ("authlib", "joserfc"))


def _is_remote(text: str) -> bool:
    """Whether git may be given a text as a remote: nothing on the way can read or change it."""
    if REMOTE.fullmatch(text):
        return not text.startswith("http://") or is_private(text)
    return not text.startswith("-") and ":" not in text


def _is_target(text: str) -> bool:
    """Whether a text names a host, or a network whose address has no bits beyond its mask."""
    if HOST.fullmatch(text) and not text.replace(".", "").isdecimal():
        return True
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_audience(text: str) -> bool:
    """Whether a text names an audience of articles."""
    kind, colon, slug = text.partition(":")
    return text in ("everyone", "customers", "agents") or (
        kind in ("org", "product") and bool(colon and slug)
    )
