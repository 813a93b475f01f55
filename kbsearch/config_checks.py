"""What settings may be, alone and beside each other."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit

from kbsearch import check_levels, keep_rules, saml_metadata
from kbsearch.config import (
    LANGUAGES,
    LOCAL_NAMES,
    MAX_LINE,
    REMOTE,
    TEXTS_OF_PAGES,
    ConfigError,
    Settings,
    has_saml,
    has_single_sign_on,
    is_audience,
    is_private,
    links,
    uses_token,
)

LINKING = ("never", "verified")
LOG_FORMATS = ("text", "json")
MAIL_FLOWS = ("code", "client_credentials")
TENANT = re.compile(r"[a-z0-9][a-z0-9.-]*", re.I)
SHORTEST_SHARED_SECRET = 32  # bytes, as RFC 7518 asks for HS256
HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.I)
CLAMD = re.compile(rf"/\S+|(?:{HOST.pattern}|\[[0-9a-f:]+\]):\d{{1,5}}", re.I)
ORIGIN = re.compile(rf"https?://(?:{HOST.pattern})(?::\d{{1,5}})?", re.I)
ACCENT = re.compile(r"#[0-9a-fA-F]{6}")
MAX_PAGE_TEXT = 20_000
IMAP_SCHEMES = ("imaps://", "imap+starttls://", "imap://127.0.0.1", "imap://localhost")
SMTP_SCHEMES = ("smtp://", "smtp+starttls://", "smtps://")
SHORTEST_KEY = 32
BACKUP_SCHEMES = ("sftp", "s3")
TIME_OF_DAY = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")


def _(sentence: str) -> str:
    """Mark a sentence for the catalogues: administrators read it in the browser too."""
    return sentence


NOT_WHOLE = _("a whole number")


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
    if settings.otlp_url and not _has_traces():
        refuse("otlp_url", "traces are not installed; run: pip install 'kbsearch[otel]'")
    if settings.log_format not in LOG_FORMATS:
        refuse("log_format", f"pick from {', '.join(LOG_FORMATS)}")
    if not 0 <= settings.undo_seconds <= 60:
        refuse("undo_seconds", _("it counts seconds: %(least)s to %(most)s"), least=0, most=60)
    for name in ("close_after_days", "draft_days", "search_log_days"):
        if not 1 <= getattr(settings, name) <= 3650:
            refuse(name, _("it counts days: %(least)s to %(most)s"), least=1, most=3650)
    for name in ("incoming_mail_days", "outgoing_mail_days"):
        if not 0 <= getattr(settings, name) <= 36500:
            refuse(name, _("it counts days: %(least)s to %(most)s; 0: kept"), least=1, most=36500)
    if not 1 <= settings.incident_hours <= 720:
        refuse("incident_hours", _("it counts hours: %(least)s to %(most)s"), least=1, most=720)
    if not 2 <= settings.incident_requests <= 100:
        counted = _("it counts requests: %(least)s to %(most)s")
        refuse("incident_requests", counted, least=2, most=100)
    if not 1 <= settings.incident_people <= settings.incident_requests:
        counted = _("it counts people: %(least)s to %(most)s")
        refuse("incident_people", counted, least=1, most=settings.incident_requests)
    _check_backups(settings, refuse)
    if settings.connections_per_address < 0:
        refuse("connections_per_address", "it counts connections: 0 or more")
    if not 0 <= settings.leaving_seconds <= 60:
        refuse("leaving_seconds", "it counts seconds: 0 to 60")
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
    _check_saml(settings, refuse)


def _check_saml(settings: Settings, refuse: Callable[..., None]) -> None:
    """The metadata of the provider names all that is needed, and its page is https."""
    if not settings.saml_metadata:
        return
    if not has_saml():
        refuse("saml_metadata", "SAML is not installed; run: pip install 'kbsearch[saml]'")
    try:
        provider = saml_metadata.read(settings.saml_metadata_path)
    except ValueError as problem:
        refuse("saml_metadata", str(problem))
    else:
        if not is_private(provider.sign_in_url):
            refuse("saml_metadata", f"{provider.sign_in_url!r} does not start with https://")


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


def _has_traces() -> bool:
    """Whether the packages of the extra [otel] are there; of others, one of them may be."""
    try:
        return all(
            find_spec(package)
            for package in ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
        )
    except ModuleNotFoundError:  # nor is what one of them lies in
        return False


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
