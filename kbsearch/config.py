"""Settings: what an installation may choose, each with its default and what it says."""

import dataclasses
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kbsearch.form_fields import FormField
from kbsearch.target_tables import TargetTable
from kbsearch.team_tables import TeamTable

CONFIG_NAME = "kbsearch.toml"
LANGUAGES = ("fr", "en")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
LINK = re.compile(r"(?:https?://|mailto:|/)[^\s\"<>]+")
TEXTS_OF_PAGES = tuple(
    f"{name}_{language}"
    for name in ("home_title", "home_text", "footer_links", "legal_notice")
    for language in LANGUAGES
)
MAX_LINE = 200
# A server that git speaks with; what else has a colon would have it run a program.
REMOTE = re.compile(r"(?:ssh|https|http|file)://\S+|[\w.-]+@[\w.-]+:[^\s:]\S*")
BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,62}(?:/[A-Za-z0-9._-]+)*/?")


class ConfigError(Exception):
    """A setting is wrong; the text names it, its source and what it takes.

    `reason` is that without name and source, for whoever typed it: a message and its values.
    """

    def __init__(self, text: str, name: str = "", reason: str = "", /, **values: object) -> None:
        super().__init__(text)
        self.name = name
        self.reason = reason
        self.values = values


def _setting(
    default: Any, sentence: str, *, secret: bool = False, may_have_password: bool = False
) -> Any:
    """A setting; what is secret, or an address that may have a password, is in no `repr`."""
    told = {"told": sentence, "secret": secret}
    return field(default=default, metadata=told, repr=not (secret or may_have_password))


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
    leaving_seconds: int = _setting(
        0, "Seconds before a stop for which /readyz says no and pages are served on"
    )
    database: Path | str = _setting(
        Path("var/kbsearch.sqlite3"),
        "The SQLite file, on a local disk; or postgresql://user:password@host/name",
        may_have_password=True,
    )
    index: Path | str = _setting(
        Path("index"),
        "The folder of the search index, which rebuilds itself; or "
        "opensearch+https://user:password@host/prefix for that of requests",
        may_have_password=True,
    )
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
    saml_metadata: str = _setting(
        "", "SAML provider people may sign in with: the file of its metadata"
    )
    saml_name: str = _setting("", "What the sign-in button calls that provider")
    saml_link_by_email: bool = _setting(
        False, "Whether a customer's first sign-in may be matched by the e-mail it gives"
    )
    saml_trusts_factor: bool = _setting(
        True, "Whether its word is enough for customers, without our code"
    )
    saml_acr: tuple[str, ...] = _setting(
        (), "AuthnContextClassRef values that say it asked for two factors"
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
    incoming_mail_days: int = _setting(
        0, "Days that mail as it came is kept once its request is closed; 0: as long as the request"
    )
    outgoing_mail_days: int = _setting(
        90, "Days that the account of what was sent is kept, with its addresses; 0: for good"
    )
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
        return self.whole(f"/{language or self.languages[0]}/{path}")

    def whole(self, path: str = "") -> str:
        """The address of a path that begins at the top of the site, as others write it."""
        return self.base_url.rstrip("/") + path

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
        """The folder of the index of articles, and of that of tickets unless a cluster has it."""
        return self.at(self.index) if isinstance(self.index, Path) else self.data_path / "index"

    @property
    def index_address(self) -> Path | str:
        """The folder or the cluster of the index of tickets."""
        return self.at(self.index) if isinstance(self.index, Path) else self.index

    @property
    def index_name(self) -> str:
        """That as it may be shown."""
        return shown(self.index_address)

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
    def saml_metadata_path(self) -> Path:
        return self.at(Path(self.saml_metadata))

    @property
    def is_public(self) -> bool:
        """Articles are for everyone unless they say otherwise: crawlers may come."""
        return self.default_audience == "everyone"


FIELDS = {item.name: item for item in dataclasses.fields(Settings)}


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
    """A path, or the address of a server, as it may be shown."""
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


def has_saml() -> bool:
    """Whether those of the extra [saml] are there."""
    return has_single_sign_on() and bool(find_spec("signxml"))


def is_audience(text: str) -> bool:
    """Whether a text names an audience of articles."""
    kind, colon, slug = text.partition(":")
    return text in ("everyone", "customers", "agents") or (
        kind in ("org", "product") and bool(colon and slug)
    )
