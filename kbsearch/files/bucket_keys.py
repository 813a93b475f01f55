"""What opens a bucket: from the environment, or from a file as AWS has its credentials in.

A signed address is made here rather than by the library: ours gives the file its name.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as NotOfThatFormat
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from kbsearch.errors import Problem

LIFETIME_SECONDS = 60
REGION = "us-east-1"
# By our name: what a file calls it, and what the environment does.
NAMES = {
    "access_key_id": ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    "secret_access_key": ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    "session_token": ("aws_session_token", "AWS_SESSION_TOKEN"),
    "region": ("region", "AWS_REGION"),
    "endpoint": ("endpoint_url", "AWS_ENDPOINT_URL"),
}


@dataclass(frozen=True)
class BucketKeys:
    """All may be empty: then the machine itself may be known to AWS."""

    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = REGION
    endpoint: str = ""

    def config(self) -> Any:
        """What the client of the bucket is given."""
        return {name: value for name, value in vars(self).items() if value}

    def hidden(self, text: str) -> str:
        """A text without anything of this that opens the bucket."""
        for secret in (self.access_key_id, self.secret_access_key, self.session_token):
            text = text.replace(secret, "…") if secret else text
        return text

    def signed(self, path: str, name: str, at: datetime) -> str | None:
        """Where an object may be downloaded under a name for a minute; None without keys."""
        if not self.secret_access_key:
            return None
        origin = self.endpoint or f"https://s3.{self.region}.amazonaws.com"
        url = urlsplit(f"{origin.rstrip('/')}/{quote(path)}")
        moment = at.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        values = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key_id}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(LIFETIME_SECONDS),
            "X-Amz-SignedHeaders": "host",
            "response-content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "response-content-type": "application/octet-stream",
        }
        if self.session_token:
            values["X-Amz-Security-Token"] = self.session_token
        query = urlencode(sorted(values.items()), quote_via=quote, safe="")
        request = f"GET\n{url.path}\n{query}\nhost:{url.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        signature = hmac.new(self._key(scope), text.encode(), hashlib.sha256).hexdigest()
        return f"{url.geturl()}?{query}&X-Amz-Signature={signature}"

    def _key(self, scope: str) -> bytes:
        """The key of a day, a region and a service."""
        key = f"AWS4{self.secret_access_key}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def read(path: Path | None, environ: Mapping[str, str] = os.environ) -> BucketKeys:
    """Those of the file, where there is one, over those of the environment; raises Problem."""
    lines = _lines(path) if path else {}
    values = {
        name: lines.get(in_file) or environ.get(variable, "")
        for name, (in_file, variable) in NAMES.items()
    }
    values["region"] = values["region"] or environ.get("AWS_DEFAULT_REGION") or REGION
    return BucketKeys(**values)


def _lines(path: Path) -> dict[str, str]:
    """The first section of the file."""
    parser = ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        return dict(parser[parser.sections()[0]])
    except (OSError, ValueError, LookupError, NotOfThatFormat):
        raise Problem("attachment.keys_unreadable", path=path) from None
