"""The screens of administrators, and the few of them that agents share."""

from kbsearch.web.admin import (
    calendars,
    fields,
    invitations,
    mail,
    news,
    organisations,
    overview,
    people,
    products,
    rules,
    security_log,
    site_settings,
    status,
    tags,
    targets,
    teams,
    webhooks,
)
from kbsearch.web.admin.door import bp

__all__ = [
    "bp",
    "calendars",
    "fields",
    "invitations",
    "mail",
    "news",
    "organisations",
    "overview",
    "people",
    "products",
    "rules",
    "security_log",
    "site_settings",
    "status",
    "tags",
    "targets",
    "teams",
    "webhooks",
]
