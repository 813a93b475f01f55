"""What the settings that administrators choose are called, with a word of explanation."""

from typing import NamedTuple

from kbsearch.web.language import Language


class SettingName(NamedTuple):
    """The label of a setting, and what is said below it."""

    label: str
    hint: str = ""


def setting_names(spoken: Language) -> dict[str, SettingName]:
    """The names of all of them in a language."""
    _ = spoken.translate
    markdown, per_line = _("Markdown."), _("One a line: Name | https://…")
    url_hint = _("With user and password: they are sealed and never shown again.")
    secret = _("It is sealed and never shown again.")
    names = {
        "site_name": (_("Name of the site"), _("In the header, in page titles and in letters.")),
        "accent": (_("Colour"), _("As #17494d; shades that can be read are made of it.")),
        "support_phone": (_("Support phone"), ""),
        "support_email": (_("E-mail address of the support team"), ""),
        "home_title_fr": (_("Title of the home page in French"), ""),
        "home_title_en": (_("Title of the home page in English"), ""),
        "home_text_fr": (_("Words on the home page in French"), markdown),
        "home_text_en": (_("Words on the home page in English"), markdown),
        "footer_links_fr": (_("Links at the foot of pages in French"), per_line),
        "footer_links_en": (_("Links at the foot of pages in English"), per_line),
        "legal_notice_fr": (_("Legal notice in French"), markdown),
        "legal_notice_en": (_("Legal notice in English"), markdown),
        "smtp_url": (_("Outgoing mail server"), url_hint),
        "mail_from": (_("Sender of every mail"), ""),
        "reply_domain": (_("Domain where replies arrive"), _("Empty: that of the sender.")),
        "imap_url": (_("Mailbox that is read"), url_hint),
        "mail_authserv_id": (_("Name of the mail server in Authentication-Results"), ""),
        "mail_oauth": (
            _("OAuth 2 provider of the mailbox"),
            _("microsoft, google or the address of its token endpoint; empty: a password."),
        ),
        "mail_oauth_authorization": (_("Its authorization endpoint"), ""),
        "mail_oauth_scope": (_("What to ask it for"), ""),
        "mail_oauth_tenant": (_("Directory (tenant) at Microsoft"), ""),
        "mail_oauth_client_id": (_("Application (client) id for mail"), ""),
        "mail_oauth_client_secret": (_("Secret of the application for mail"), secret),
        "mail_oauth_flow": (_("Who consents"), ""),
        "software_required": (_("A request has to name its software"), ""),
        "expired_contract_requests": (
            _("Organisations whose contract has ended may file"),
            "",
        ),
        "undo_seconds": (
            _("Seconds in which an agent can call an answer back"),
            _("0: it leaves at once."),
        ),
        "close_after_days": (_("Days after which a solved request is closed"), ""),
        "incident_hours": (_("Hours within which requests may tell of one incident"), ""),
        "incident_requests": (_("Requests from which on they look like one incident"), ""),
        "incident_people": (_("People these requests must come from at least"), ""),
        "draft_days": (_("Days that what was typed and not sent is kept"), ""),
        "search_log_days": (_("Days that the words people searched for are kept"), ""),
        "incoming_mail_days": (
            _("Days that mail is kept as it came, after its request is closed"),
            _("0: as long as its request."),
        ),
        "outgoing_mail_days": (
            _("Days that it is kept what left for whom"),
            _("0: for good."),
        ),
        "oidc_issuer": (_("Issuer of the OpenID Connect provider"), _("Empty: no such button.")),
        "oidc_client_id": (_("Client id at the provider"), ""),
        "oidc_client_secret": (_("Client secret at the provider"), secret),
        "oidc_name": (_("Name of the provider on the button"), ""),
        "oidc_link_by_email": (_("Match customers by verified e-mail address"), ""),
        "oidc_trusts_factor": (_("The provider’s word is enough for customers"), ""),
        "oidc_acr": (_("acr values that mean two factors"), ""),
        "jwt_shared_secret": (_("Secret shared with your application (JWT)"), secret),
        "jwt_issuer": (_("iss of every hand-over"), ""),
        "jwt_audience": (_("aud of every hand-over"), ""),
        "jwt_creates_accounts": (_("A hand-over opens an account"), ""),
    }
    return {name: SettingName(str(label), str(hint)) for name, (label, hint) in names.items()}
