"""When an article is to be reviewed: by the day it names, else a year after it was looked at."""

from datetime import timedelta
from typing import Literal

from kbsearch.clock import now, parsed, utc_now

ReviewReason = Literal["", "due", "old"]
STALE_AFTER = timedelta(days=365)
# The first of the two in SQL, of articles `a`, by `:today`.
IS_DUE = "a.review_by <= :today AND a.reviewed < a.review_by"


def reason_for(review_by: str, reviewed: str, updated_at: str) -> ReviewReason:
    """Why an article is to be reviewed now; empty where it is not."""
    if review_by > reviewed:
        return "due" if review_by <= now()[:10] else ""
    return "old" if utc_now() - parsed(reviewed or updated_at) > STALE_AFTER else ""
