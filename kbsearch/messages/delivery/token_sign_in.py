"""Signing in to a mail server with a token: what XOAUTH2 and OAUTHBEARER say, for SMTP and IMAP.

A server that refuses answers with a challenge, and wants an empty answer before it says so.
"""

from collections.abc import Collection

MECHANISMS = ("XOAUTH2", "OAUTHBEARER")


def pick(offered: Collection[str]) -> str | None:
    """The mechanism to use, of those that a server offers."""
    return next((name for name in MECHANISMS if name in offered), None)


def answer(mechanism: str, user: str, token: str, challenge: bytes | None) -> str:
    """What to say to a challenge: the token to the first one, if there is any."""
    if challenge:
        return "\x01" if mechanism == "OAUTHBEARER" else ""
    if mechanism == "OAUTHBEARER":  # RFC 7628
        name = user.replace("=", "=3D").replace(",", "=2C")
        return f"n,a={name},\x01auth=Bearer {token}\x01\x01"
    return f"user={user}\x01auth=Bearer {token}\x01\x01"
