"""What may be attached: a file's name made harmless, and its content held to what the name says."""

import codecs
import re
import unicodedata
from dataclasses import dataclass

from kbsearch.errors import Invalid
from kbsearch.files import images
from kbsearch.text.normal_form import nfc

MAX_NAME = 120
MAX_PIXELS = 25_000_000
HEAD_BYTES = 1_000_000  # enough to meet the size of a photograph behind its metadata

TEXT = "text/plain"
BINARY = "application/octet-stream"
IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "jfif": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
TEXTS = {
    *("txt", "text", "log", "csv", "tsv", "md", "json", "jsonl", "xml", "yaml", "yml", "toml"),
    *("ini", "conf", "cfg", "properties", "sql", "eml", "ics", "vcf", "diff", "patch"),
    *("pem", "crt", "cer", "csr", "srt", "gpx", "kml"),
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
# What a file of that extension begins with. Nothing that a browser or a double click would run
# is here: a page, a drawing with scripts or a program can still be sent inside an archive.
SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"%PDF-",),
    "rtf": (b"{\\rtf",),
    "zip": _ZIP,
    "7z": (b"7z\xbc\xaf\x27\x1c",),
    "gz": (b"\x1f\x8b",),
    "tgz": (b"\x1f\x8b",),
    "rar": (b"Rar!\x1a\x07",),
    "doc": _OLE,
    "xls": _OLE,
    "ppt": _OLE,
    "msg": _OLE,
    **dict.fromkeys(("docx", "xlsx", "pptx", "odt", "ods", "odp"), _ZIP),
    "bmp": (b"BM",),
    "tif": (b"II*\x00", b"MM\x00*"),
    "tiff": (b"II*\x00", b"MM\x00*"),
    "mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3"),
    "webm": (b"\x1aE\xdf\xa3",),
    "wav": (b"RIFF",),
    "evtx": (b"ElfFile",),
    "pcap": (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"),
    "pcapng": (b"\x0a\x0d\x0d\x0a",),
}
BOXED = {"mp4", "mov", "m4a", "heic"}  # `ftyp` comes after the size of the first box
EXTENSIONS = tuple(sorted({*IMAGES, *TEXTS, *SIGNATURES, *BOXED}))

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_UNSAFE = re.compile(r'[<>:"|?*]')


@dataclass(frozen=True)
class FileType:
    """What a file is served as; an image has its size in pixels."""

    media_type: str
    width: int | None = None
    height: int | None = None


def clean_name(name: str) -> str:
    """A name without path, control, invisible or direction characters, safe on any system."""
    text = nfc(name).replace("\\", "/").rpartition("/")[2]
    visible = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text if _is_seen(c))
    text = _UNSAFE.sub("_", " ".join(visible.split())).strip(". ")
    if _DEVICE.fullmatch(text):
        text = f"_{text}"
    stem, dot, extension = text.rpartition(".")
    if dot and len(extension) < MAX_NAME // 2:
        return f"{stem[: MAX_NAME - len(extension) - 1].rstrip('. ')}.{extension}"
    return text[:MAX_NAME] or "file"


def true_name(name: str, head: bytes) -> str:
    """A clean name whose extension is that of the image it holds, if it holds one.

    Windows and browsers save pictures as .jfif, telephones call WebP .jpeg, or nothing at all.
    """
    kind = images.kind_of(head)
    stem, dot, extension = name.rpartition(".")
    if kind is None or (IMAGES.get(extension.lower()) == IMAGES[kind] and extension != "jfif"):
        return name
    return clean_name(f"{stem if dot else name}.{kind}")


def extension_of(name: str) -> str:
    """The allowed extension of a clean name; raises Invalid for one that is not."""
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension not in EXTENSIONS:
        raise Invalid("attachment.type_refused", name=name)
    return extension


def identify(name: str, head: bytes, *, is_text: bool) -> FileType:
    """What a file is by its name and its content, which have to agree; raises Invalid."""
    extension = extension_of(name)
    if extension in TEXTS:
        if not is_text:
            raise Invalid("attachment.type_differs", name=name)
        return FileType(TEXT)
    if extension in IMAGES:
        return _image(name, extension, head)
    is_sound = (
        head[4:8] == b"ftyp" if extension in BOXED else head.startswith(SIGNATURES[extension])
    )
    if not is_sound:
        raise Invalid("attachment.type_differs", name=name)
    return FileType(BINARY)


class TextCheck:
    """Whether what passes by is text: bytes without control codes, or UTF-16 that says so."""

    def __init__(self) -> None:
        self.is_text = True
        self._wide: codecs.IncrementalDecoder | None = None
        self._is_first = True

    def feed(self, block: bytes) -> None:
        if self._is_first and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._wide = codecs.getincrementaldecoder("utf-16")()
        self._is_first = False
        try:
            text = self._wide.decode(block).encode() if self._wide else block
        except UnicodeDecodeError:
            self.is_text = False
        else:
            self.is_text = self.is_text and not _CONTROL.search(text)


_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _image(name: str, extension: str, head: bytes) -> FileType:
    kind, image = images.kind_of(head), images.info(head)
    if kind is None or IMAGES[kind] != IMAGES[extension]:
        raise Invalid("attachment.type_differs", name=name)
    if image is None:
        return FileType(BINARY)  # a damaged one: to be downloaded, not shown
    if image.width * image.height > MAX_PIXELS:
        raise Invalid("attachment.too_many_pixels", name=name, limit=MAX_PIXELS // 1_000_000)
    return FileType(image.media_type, image.width, image.height)
