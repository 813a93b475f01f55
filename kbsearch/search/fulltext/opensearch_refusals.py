"""Why a cluster lets nobody in, in a sentence that says what to do; never what a proxy said."""

import re
import ssl

from kbsearch.search.fulltext import plan

UNREADABLE = ValueError, OSError  # what a missing file of certificates, or an empty one, raises

_EXPIRED = 9, 10  # codes of X.509 verification, as OpenSSL numbers them
_WRONG_NAME = 62, 64
_KIND = re.compile(r"\w{1,80}", re.ASCII)  # of an error, as the cluster names them


def of_certificate(problem: object) -> str | None:
    """What is wrong with a certificate; None where the connection failed for another reason."""
    waiting: list[object] = [problem]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, ssl.SSLCertVerificationError):
            if cause.verify_code in _EXPIRED:
                return plan.EXPIRED
            return plan.WRONG_NAME if cause.verify_code in _WRONG_NAME else plan.UNTRUSTED
        if isinstance(cause, BaseException):
            waiting += [*cause.args, getattr(cause, "reason", None)]
    return None


def of_status(status: object, kind: object) -> str:
    """What an answer of an error says, which a proxy may have made into a page."""
    if status == 401:
        return plan.UNKNOWN_USER
    if status == 403:
        return plan.FORBIDDEN
    named = isinstance(kind, str) and _KIND.fullmatch(kind)
    return f"{status} {kind}" if named else str(status)
