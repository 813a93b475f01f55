"""Signed tokens, believed only with the algorithms that are named beforehand.

A token says itself how it is signed: taking its word let `none` and the public key of the
provider, used as a shared secret, pass elsewhere.
"""

from collections.abc import Collection
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

LONGEST = 16 * 1024  # characters
SHARED_SECRET = ("HS256",)
PUBLIC_KEY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
# What libraries raise on hostile headers and bodies, and what theirs raise underneath.
UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Unbelievable(Exception):
    """The token is not what it has to be; the text says why, for the log."""


def read(token: str, key: KeySet | OctKey, algorithms: Collection[str]) -> jwt.Token:
    """The header and claims of a token, its signature checked; raises Unbelievable."""
    if len(token) > LONGEST:
        raise Unbelievable(f"a token of {len(token)} characters")
    try:
        decoded = jwt.decode(token, key, algorithms=algorithms)
    except UNREADABLE as problem:
        raise Unbelievable(f"{type(problem).__name__}: {problem}") from problem
    if not isinstance(decoded.claims, dict):
        raise Unbelievable("no claims")
    return decoded


def text(claims: dict[str, Any], name: str, *, limit: int = 255) -> str:
    """The claim of that name when it is a text of one line; an empty one otherwise."""
    claim = claims.get(name)
    if not isinstance(claim, str) or len(claim) > limit or not claim.isprintable():
        return ""
    return claim.strip()
