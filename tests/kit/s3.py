"""A server that speaks as S3 does, in this process, on loopback."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kit.waiting import HUNG

BUCKET = "kbsearch-files"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "a secret/of+S3",
    "AWS_REGION": "eu-west-3",
}


@contextmanager
def running() -> Iterator[str]:
    """Its address; there is one bucket, and nothing in it."""
    from moto.server import ThreadedMotoServer  # half a second

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        region = f"<LocationConstraint>{KEYS['AWS_REGION']}</LocationConstraint>"
        body = f"<CreateBucketConfiguration>{region}</CreateBucketConfiguration>"
        making = urllib.request.Request(f"{endpoint}/{BUCKET}", body.encode(), method="PUT")
        urllib.request.urlopen(making, timeout=HUNG).close()
        yield endpoint
    finally:
        server.stop()
