"""The handbook's block for nginx, run as it stands by the nginx of the machine."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from kbsearch.tickets import files as attachments
from tests.kit.places import TOP
from tests.kit.providers import free_port

ARTICLES = TOP / "content" / "articles"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
AROUND = """
{user} daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {block}
}}
"""


class Counting(BaseHTTPRequestHandler):
    """Says how many bytes it was sent, and by whom."""

    def do_POST(self) -> None:
        count, left = 0, int(self.headers["Content-Length"])
        while count < left:
            count += len(self.rfile.read(min(left - count, 65536)))
        body = f"{count} {self.headers['Host']} {self.headers['X-Forwarded-Proto']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def block_of(language: str) -> str:
    text = (ARTICLES / language / "operators" / "reverse-proxy.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```nginx\n(.*?\nserver \{.*?\n\}\n)```", text, re.DOTALL)
    return str(block)


@pytest.fixture(params=["fr", "en"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    if NGINX is None:
        pytest.skip("nginx is not installed: root can, with apt-get install nginx-light")
    key, certificate, port = tmp_path / "help.key", tmp_path / "help.pem", free_port()
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=help.acme.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as behind:
        Thread(target=behind.serve_forever, args=(0.02,), daemon=True).start()
        block = block_of(request.param).replace("/etc/ssl", str(tmp_path))
        block = block.replace("listen 443", f"listen 127.0.0.1:{port}")
        block = block.replace("127.0.0.1:8080", f"127.0.0.1:{behind.server_port}")
        user = "" if os.getuid() else "user root;"  # its folders are those of the test
        path = tmp_path / "nginx.conf"
        path.write_text(AROUND.format(user=user, folder=tmp_path, block=block))
        process = subprocess.Popen(
            [NGINX, "-c", str(path), "-e", str(tmp_path / "errors")], stderr=subprocess.PIPE
        )
        try:
            for _ in range(100):
                assert process.poll() is None, process.stderr and process.stderr.read()
                with closing(socket.socket()) as line:
                    if line.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.communicate(timeout=20)
            behind.shutdown()


def post(port: int, length: int) -> tuple[int, bytes]:
    context = ssl._create_unverified_context()
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)) as to:
        to.putrequest("POST", "/", skip_host=True)
        to.putheader("Host", "help.acme.example")
        to.putheader("Content-Length", str(length))
        to.endheaders()
        if length <= attachments.MAX_BYTES:
            to.send(b"x" * length)
        answer = to.getresponse()
        return answer.status, answer.read()


def test_a_file_of_the_largest_size_goes_through(proxy: int):
    told = f"{attachments.MAX_BYTES} help.acme.example https".encode()
    assert post(proxy, attachments.MAX_BYTES) == (200, told)


def test_a_body_that_nobody_takes_is_refused_before_it_is_sent(proxy: int):
    status, _ = post(proxy, 2 * attachments.MAX_FILES * attachments.MAX_BYTES)
    assert status == 413
