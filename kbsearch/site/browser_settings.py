"""Settings that administrators choose in the browser, in force in all processes at once.

What kbsearch.toml, the environment or a flag says wins: such a setting is fixed there. All parts of
a process have one object of settings; it is renewed in place, here and nowhere else.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kbsearch import audit, config, config_checks, config_sources, revisions, sealing
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.config import FIELDS, ConfigError, Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, InvalidForm
from kbsearch.people.organisations import branding
from kbsearch.people.organisations.branding import Logo

log = logging.getLogger(__name__)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "site": (
        *("site_name", "accent", "support_phone", "support_email"),
        *config.TEXTS_OF_PAGES,
    ),
    "mail": (
        *("smtp_url", "mail_from", "reply_domain", "imap_url", "mail_authserv_id"),
        *("mail_oauth", "mail_oauth_authorization", "mail_oauth_scope", "mail_oauth_tenant"),
        *("mail_oauth_client_id", "mail_oauth_client_secret", "mail_oauth_flow"),
    ),
    "requests": (
        *("software_required", "expired_contract_requests", "undo_seconds", "close_after_days"),
        *("incident_hours", "incident_requests", "incident_people"),
        *("draft_days", "search_log_days", "incoming_mail_days", "outgoing_mail_days"),
    ),
    "sign_on": (
        *("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_name"),
        *("oidc_link_by_email", "oidc_trusts_factor", "oidc_acr"),
        *("jwt_shared_secret", "jwt_issuer", "jwt_audience", "jwt_creates_accounts"),
    ),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)
SECRETS = frozenset(name for name in NAMES if FIELDS[name].metadata["secret"])
MAX_VALUE = config_checks.MAX_PAGE_TEXT
PICTURES = ("logo", "favicon")  # rows too: which of the logos it is
IN_PLACE = "•••"  # what is shown and kept in the log of a secret


@dataclass
class BrowserSettings:
    """The settings of a process, and which of them can be chosen in the browser."""

    settings: Settings
    sources: Mapping[str, str] = field(default_factory=dict)
    _loaded: Settings | None = None  # as the file and the environment have them
    _revision: int = -1
    look: Mapping[str, Logo | None] = field(default_factory=dict)  # the pictures by name

    def is_fixed(self, name: str) -> bool:
        """Whether the file, the environment or a flag has the last word about it."""
        return self.sources.get(name, "default") != "default"

    def source(self, db: Database, name: str) -> str:
        """`default`, `browser`, or which file, variable or flag."""
        if self.is_fixed(name):
            return self.sources[name]
        return "browser" if name in _rows(db) else "default"

    def renew(self, db: Database) -> bool:
        """Take over what is chosen by now; whether anything has changed."""
        rows = db.query("SELECT value FROM counters WHERE name = 'settings'")
        revision = int(rows[0]["value"]) if rows else 0
        if revision == self._revision:
            return False
        chosen = self._chosen(db)
        for name in NAMES:
            value = chosen.get(name, getattr(self.loaded, name))
            object.__setattr__(self.settings, name, value)
        self.look = self.pictures(db)
        self._revision = revision
        return True

    def pictures(self, db: Database) -> dict[str, Logo | None]:
        """The site's own logo and icon, where they are chosen."""
        rows = _rows(db)
        return {name: branding.picture(db, rows.get(name, "")) for name in PICTURES}

    @property
    def loaded(self) -> Settings:
        """The settings without what is chosen in the browser."""
        if self._loaded is None:
            self._loaded = replace(self.settings)
        return self._loaded

    def _chosen(self, db: Database) -> dict[str, Any]:
        """The values of the browser that count; what makes no sense any more is left out."""
        values: dict[str, Any] = {}
        for name, text in _rows(db).items():
            if name not in NAMES or self.is_fixed(name):
                continue
            plain = sealing.unseal(self.settings, _purpose(name), text) if name in SECRETS else text
            try:
                if plain is not None:
                    values[name] = config_sources.convert(name, plain, "browser")
            except ConfigError as problem:
                log.error("%s", problem)
        try:
            config_checks.check(replace(self.loaded, **values), _from_browser())
        except ConfigError as problem:
            log.error("the settings of the browser do not count: %s", problem)
            return {}
        return values

    def texts(self, group: str) -> dict[str, str]:
        """What is in force of a group, as its form shows it; of a secret only that there is one."""
        return {name: _shown(name, getattr(self.settings, name)) for name in GROUPS[group]}

    def save(
        self,
        db: Database,
        viewer: Viewer,
        group: str,
        typed: Mapping[str, str],
        *,
        emptied: frozenset[str] = frozenset(),
        pictures: Mapping[str, bytes] | None = None,
        revision: str | None = None,
    ) -> None:
        """Choose the settings of a group; raises InvalidForm with what cannot be, by name.

        A secret that is typed empty stays as it is, unless it is `emptied`. Raises Outdated when
        they are not as a page showed them at that revision.
        """
        only_administrators(viewer)
        names = [name for name in GROUPS[group] if name in typed and not self.is_fixed(name)]
        with db.atomic():
            self.renew(db)
            before = self.texts(group)
            after = {
                name: text
                for name in names
                if (text := _cleaned(typed[name])) or name not in SECRETS or name in emptied
            }
            open_texts = {name: text for name, text in after.items() if name not in SECRETS}
            revisions.check(revision, before, open_texts)
            changed = {
                name: text
                for name, text in after.items()
                if name in SECRETS or text != before[name]
            }
            if not (changed or pictures):
                return
            values = self._checked({**self._chosen(db), **changed})
            digests = self._keep_pictures(db, pictures or {})
            for name in changed:
                self._keep(db, name, changed[name], values[name])
            db.execute(
                """
                INSERT INTO counters (name, value) VALUES ('settings', 1)
                ON CONFLICT (name) DO UPDATE SET value = counters.value + 1
                """
            )
            self.renew(db)
            marks = self.texts(group) | {
                name: f"{IN_PLACE} ({now()})" for name in changed if name in SECRETS and after[name]
            }
            audit.change(
                db, viewer, "settings.changed", group, {**before, **digests[0]}, marks | digests[1]
            )

    def _checked(self, typed: Mapping[str, Any]) -> dict[str, Any]:
        """The values of texts; raises InvalidForm for the first that cannot be."""
        values: dict[str, Any] = {}
        try:
            for name, value in typed.items():
                if isinstance(value, str) and (len(value) > MAX_VALUE or "\x00" in value):
                    raise ConfigError("", name)
                values[name] = config_sources.convert(name, value, "browser")
            config_checks.check(replace(self.loaded, **values), _from_browser())
        except ConfigError as problem:
            raise InvalidForm("form.invalid", {problem.name: _refusal(problem)}) from None
        return values

    def _keep_pictures(
        self, db: Database, pictures: Mapping[str, bytes]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Keep pictures, take those away that are empty; which they were before, and are after."""
        before = {name: _rows(db).get(name, "") for name in pictures}
        for name, body in pictures.items():
            try:
                digest = branding.keep_picture(db, body) if body else ""
            except Invalid as problem:
                raise InvalidForm("form.invalid", {name: problem}) from None
            _put(db, name, digest)
        return before, {name: _rows(db).get(name, "") for name in pictures}

    def _keep(self, db: Database, name: str, text: str, value: Any) -> None:
        if value == getattr(self.loaded, name):
            _put(db, name, "")
            return
        _put(
            db, name, sealing.seal(self.settings, _purpose(name), text) if name in SECRETS else text
        )


def reseal(db: Database, resealing: sealing.Resealing) -> None:
    """Seal the secrets among them with today's key."""
    for name, text in _rows(db).items():
        if name in SECRETS:
            _put(db, name, resealing.again(_purpose(name), text))


def _refusal(problem: ConfigError) -> Invalid:
    """Why a setting cannot be so, in the words that kbsearch.toml is refused with."""
    if problem.reason:
        return Invalid(problem.reason, **problem.values)
    return Invalid("setting.refused")


def _rows(db: Database) -> dict[str, str]:
    return {row["name"]: row["value"] for row in db.query("SELECT name, value FROM site_settings")}


def _put(db: Database, name: str, value: str) -> None:
    """Keep a row of that name; none where there is no value."""
    db.execute("DELETE FROM site_settings WHERE name = :name", {"name": name})
    if value:
        db.insert("site_settings", {"name": name, "value": value, "changed_at": now()})


def _shown(name: str, value: Any) -> str:
    if name in SECRETS:
        is_url = isinstance(value, str) and "://" in value
        return (config.without_user(value) if is_url else IN_PLACE) if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _cleaned(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _purpose(name: str) -> str:
    return f"setting {name}"


def _from_browser() -> dict[str, str]:
    return dict.fromkeys(FIELDS, "browser")
