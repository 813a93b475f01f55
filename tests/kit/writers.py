"""A writer's desk: content in a folder or a repository, written a file at a time."""

import os
import struct
import subprocess
import zlib
from pathlib import Path

from kbsearch.config import Settings

HEAD = "---\ntitle: {title}\naudience: {audience}\n{more}---\n\n{body}\n"


PAGE = "articles/en/guide/page.md"


def article(
    title: str = "A page", body: str = "Some words.", audience: str = "everyone", more: str = ""
) -> str:
    """An article that no rule objects to."""
    return HEAD.format(title=title, audience=audience, body=body, more=more)


def write(content: Path, path: str, text: str | bytes) -> Path:
    """Write `path` under content/."""
    file = content / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def git(content: Path, *arguments: str, data: bytes | None = None) -> str:
    """Run git in the content's repository, as a writer would, far from anybody's settings."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Wendy",
        "GIT_AUTHOR_EMAIL": "wendy@support.example",
        "GIT_COMMITTER_NAME": "Wendy",
        "GIT_COMMITTER_EMAIL": "wendy@support.example",
    }
    done = subprocess.run(
        ["git", "-C", str(content), *arguments],
        env=environment,
        input=data,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode(errors="replace").strip()


def repository(settings: Settings) -> Path:
    """An empty repository where the content is."""
    content = settings.content_path
    content.mkdir(parents=True, exist_ok=True)
    git(content, "init", "--quiet", "--initial-branch=main")
    return content


def commit(content: Path, message: str = "Write") -> str:
    """Commit everything; the commit's id."""
    git(content, "add", "--all")
    git(content, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(content, "rev-parse", "HEAD")


def with_page(settings: Settings) -> Path:
    """A repository with one good article, PAGE, committed."""
    content = repository(settings)
    write(content, PAGE, article("First title"))
    commit(content)
    return content


def png(width: int = 4, height: int = 3, shade: int = 0) -> bytes:
    """A real grey image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + end
