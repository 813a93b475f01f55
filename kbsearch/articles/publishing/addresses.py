"""Which page has which address, and what the links and images of a page lead to."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from urllib.parse import quote, unquote

from kbsearch import access, i18n
from kbsearch.articles import old_addresses
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.rules import Reference
from kbsearch.articles.publishing.sources import ARTICLE_SUFFIXES, FRONT_PAGES, Source
from kbsearch.articles.publishing.tree import Tree
from kbsearch.config import LANGUAGES
from kbsearch.errors import Invalid
from kbsearch.files import images, types
from kbsearch.files.images import ImageInfo
from kbsearch.text.markup import LinkTarget, Picture, outside, scheme_of, slug_of
from kbsearch.text.markup.reuse import USE_KINDS, Pieces, UseKind

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_NOT_ATTACHED = {*IMAGE_SUFFIXES, *ARTICLE_SUFFIXES, ".yml", ".yaml", ".toml", ".eml"}
_ATTACHABLE = tuple(f".{name}" for name in types.EXTENSIONS if f".{name}" not in _NOT_ATTACHED)
_OWN_ADDRESS = re.compile(rf"/(?:{'|'.join(LANGUAGES)})/articles/[^/]+/?")


@dataclass(frozen=True)
class ContentFile:
    """A file beside the articles whose content is what its name says."""

    blob: str
    media_type: str
    size: int  # bytes


@dataclass(frozen=True)
class Addresses:
    """Every live page by its file and by its slug, old addresses, images and attachments."""

    shown: str
    slugs: Mapping[str, str]  # file -> slug
    titles: Mapping[str, str]  # file -> title
    audiences: Mapping[str, str]  # file -> whom it is for
    files: Mapping[tuple[str, str], str]  # language and slug -> file
    aliases: Mapping[tuple[str, str], str]  # language and alias -> file
    languages: Mapping[str, str]  # file -> language
    pictures: Mapping[str, tuple[str, ImageInfo | None]]  # file -> blob, format and size
    sizes: Mapping[str, int]  # of those images, in bytes
    attachments: Mapping[str, ContentFile]  # other files that may be downloaded
    findings: tuple[Finding, ...]

    def media(self, file: str) -> tuple[str, str] | None:
        """The blob and the media type of an image, or of a file that may be downloaded."""
        blob, info = self.pictures.get(file, ("", None))
        attachment = self.attachments.get(file)
        if attachment is not None:
            return attachment.blob, attachment.media_type
        return (blob, info.media_type) if info else None

    def url(self, file: str) -> str:
        return self._urls[file]

    @cached_property
    def _urls(self) -> dict[str, str]:
        return {
            file: f"/{self.languages[file]}/articles/{quote(slug)}"
            for file, slug in self.slugs.items()
        }


def is_picture(name: str) -> bool:
    """Whether a file is shown in articles, by its name."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def may_be_offered(name: str) -> bool:
    """Whether articles show such a file, or offer it, by its name."""
    return is_picture(name) or name.lower().endswith(_ATTACHABLE)


def assign(
    tree: Tree,
    sources: Sequence[Source],
    known_images: Mapping[str, ImageInfo],
    *,
    known_files: Mapping[str, str],
    audiences: Mapping[str, str],
) -> Addresses:
    """Give every live article its address; two that ask for the same are a finding."""
    findings: list[Finding] = []
    files: dict[tuple[str, str], str] = {}
    slugs: dict[str, str] = {}
    live = [source for source in sources if source.is_live]
    for source in live:
        slug = source.own_slug
        holder = files.get((source.language, slug))
        if holder is not None:
            values = {"slug": slug, "other": tree.shown + holder}
            place = source.front.place("slug")
            findings.append(Finding(tree.shown + source.entry.path, *place, "slug-clash", values))
            slug = _free(source, slug, files)
        files[source.language, slug] = source.entry.path
        slugs[source.entry.path] = slug
    aliases: dict[tuple[str, str], str] = {}
    for source in live:
        for old_address in source.front.list("alias"):
            alias = _alias(old_address)
            key = source.language, alias
            holder = files.get(key) or aliases.get(key)
            if holder is None:
                aliases[key] = source.entry.path
            elif holder != source.entry.path:
                values = {"alias": alias, "other": tree.shown + holder}
                place = source.front.place("alias")
                finding = Finding(tree.shown + source.entry.path, *place, "alias-clash", values)
                findings.append(finding)
    for source in live:
        for old_address in source.front.list("alias"):  # its last word, where nobody has that
            key = source.language, _last_word(old_address)
            if key not in files:
                aliases.setdefault(key, source.entry.path)
    pictures = _pictures(tree, known_images)
    return Addresses(
        shown=tree.shown,
        slugs=slugs,
        titles={source.entry.path: source.title for source in live},
        audiences=audiences,
        files=files,
        aliases=aliases,
        languages={source.entry.path: source.language for source in live},
        pictures=pictures,
        sizes={path: tree.entries[path].size for path in pictures},
        attachments=_attachments(tree, known_files),
        findings=tuple(findings),
    )


def _alias(old_address: str) -> str:
    """The slug an article had here, or its whole address in another system."""
    if _OWN_ADDRESS.fullmatch(old_address) or not old_address.startswith("/"):
        return _last_word(old_address)
    return old_addresses.key_of(old_address)


def _last_word(old_address: str) -> str:
    return slug_of(old_address.rstrip("/").rpartition("/")[2])


def _free(source: Source, slug: str, files: Mapping[tuple[str, str], str]) -> str:
    """Another address, for the second one in a folder: `<category>-<slug>`."""
    base = slug_of(f"{source.category} {slug}")
    candidate, number = base, 1
    while (source.language, candidate) in files:
        number += 1
        candidate = f"{base}-{number}"
    return candidate


def _pictures(
    tree: Tree, known_images: Mapping[str, ImageInfo]
) -> dict[str, tuple[str, ImageInfo | None]]:
    entries = [entry for entry in tree.entries.values() if is_picture(entry.path)]
    pictures = {entry.path: (entry.blob, known_images.get(entry.blob)) for entry in entries}
    for path, body in tree.read(
        [entry.path for entry in entries if entry.blob not in known_images]
    ):
        pictures[path] = tree.entries[path].blob, images.info(body)
    return pictures


def _attachments(tree: Tree, known_files: Mapping[str, str]) -> dict[str, ContentFile]:
    """The files that may be attached; of those that are known by blob only the type is taken."""
    media_types: dict[str, str] = {}
    for entry in tree.entries.values():
        if entry.path.lower().endswith(_ATTACHABLE):
            media_types[entry.path] = known_files.get(entry.blob, "")
    unknown = [path for path, media_type in media_types.items() if not media_type]
    for path, body in tree.read(unknown):
        media_types[path] = _media_type(posixpath.basename(path), body)
    return {
        path: ContentFile(tree.entries[path].blob, media_type, tree.entries[path].size)
        for path, media_type in media_types.items()
        if media_type
    }


def _media_type(name: str, body: bytes) -> str:
    """What a file is served as; empty where it is not what its name says."""
    text = types.TextCheck()
    text.feed(body)
    try:
        return types.identify(name, body[: types.HEAD_BYTES], is_text=text.is_text).media_type
    except Invalid:
        return ""


class DigestedPieces(Pieces, Protocol):
    """The pieces for one article, each with what changes when it does."""

    def digest(self, kind: UseKind, name: str) -> str:
        """Empty where there is no such piece."""


class PageResolver:
    """What the links and images of one page lead to; the `Resolver` of its rendering.

    A page that not everybody who reads this one may read has no title here.
    """

    def __init__(
        self, addresses: Addresses, source: Source, pieces: "DigestedPieces | None" = None
    ) -> None:
        self.addresses = addresses
        self.pieces = pieces
        self.audience = addresses.audiences[source.entry.path]
        self.language = source.language
        self.folder = posixpath.dirname(source.entry.path)
        self._pages: dict[Reference, LinkTarget | None] = {}

    def link(self, target: str) -> LinkTarget | None:
        if scheme_of(target):
            return outside(target)
        if target.startswith("#"):
            return LinkTarget(target)
        if target.startswith("//"):
            return None
        if target.startswith("/"):
            return self._site_page(target)
        path, anchor = _split(target)
        for file in candidates(self._path(path)):
            if file in self.addresses.slugs:
                return self._page(file, anchor)
        return self._file(target)

    def by_slug(self, slug: str) -> LinkTarget | None:
        name, anchor = _split(slug)
        key = self.language, slug_of(name)
        file = self.addresses.files.get(key) or self.addresses.aliases.get(key)
        return self._page(file, anchor) if file else None

    def picture(self, target: str) -> Picture | None:
        path = self.picture_file(target)
        blob, info = self.addresses.pictures.get(path, ("", None))
        if info is None:
            return None
        name = slug_of(posixpath.basename(path).rpartition(".")[0]) or "image"
        suffix = info.media_type.rpartition("/")[2]
        return Picture(f"/media/{blob}/{name}.{suffix}", info.width, info.height)

    def picture_file(self, target: str) -> str:
        """The file an image's address stands for, from the content's root when it starts by /."""
        return self._path("" if scheme_of(target) else _split(target)[0])

    def outcome(self, reference: Reference) -> str:
        """What a reference leads to, as a text that changes when the rendering would."""
        if reference.kind in USE_KINDS:
            return self.pieces.digest(reference.kind, reference.target) if self.pieces else ""
        if reference.kind == "picture":
            picture = self.picture(reference.target)
            return f"{picture.url} {picture.width} {picture.height}" if picture else ""
        target = self.page(reference)
        if target is None:
            return ""
        return f"{target.url} {target.title}" if reference.kind == "slug" else target.url

    def page(self, reference: Reference) -> LinkTarget | None:
        """What a reference that is no picture leads to."""
        if reference not in self._pages:
            is_link = reference.kind == "link"
            find = self.link if is_link else self.by_slug
            self._pages[reference] = find(reference.target)
        return self._pages[reference]

    def _page(self, file: str, anchor: str) -> LinkTarget:
        url = self.addresses.url(file) + anchor
        if access.is_narrower(self.addresses.audiences[file], self.audience):
            return LinkTarget(url, is_narrower=True)
        return LinkTarget(url, self.addresses.titles[file])

    def _path(self, target: str) -> str:
        path = unquote(target)
        if path.startswith("/"):
            return posixpath.normpath(path.lstrip("/"))
        return posixpath.normpath(posixpath.join(self.folder, path))

    def _site_page(self, target: str) -> LinkTarget | None:
        """An address of this very site: its articles must exist, its other pages are ours."""
        path, anchor = _split(unquote(target))
        language, _, rest = path.strip("/").partition("/")
        page, _, slug = rest.partition("/")
        if page == "articles":
            file = self.addresses.files.get((language, slug))
            file = file or self.addresses.aliases.get((language, slug))
            return self._page(file, anchor) if file else None
        if language in LANGUAGES and page in _SITE_PAGES:
            return LinkTarget(target)
        return self._file(target)

    def _file(self, target: str) -> LinkTarget | None:
        """An image, or a file to download: its kind and size are told beside the link."""
        picture = self.picture(target)
        if picture:
            return LinkTarget(picture.url)
        path = self.picture_file(target)
        attachment = self.addresses.attachments.get(path)
        if attachment is None:
            return None
        name = types.clean_name(posixpath.basename(path))
        kind = name.rpartition(".")[2].upper()
        note = f"{kind}, {i18n.file_size(self.language, attachment.size)}"
        return LinkTarget(f"/media/{attachment.blob}/{quote(name)}", note=note)


# What follows the language in the addresses of the site's own pages.
_SITE_PAGES = frozenset({"", "search", "requests", "login", "account", "desk"})


def _split(target: str) -> tuple[str, str]:
    """The path, and the anchor with its `#`; what stands behind a `?` means nothing here."""
    path, hash_sign, anchor = target.partition("#")
    return path.partition("?")[0], f"#{anchor}" if hash_sign and anchor else ""


def candidates(path: str) -> Iterable[str]:
    """The files that a link to a path may mean."""
    folder = path.removesuffix("/")
    yield from (path, *(f"{path}{suffix}" for suffix in ARTICLE_SUFFIXES))
    yield from (f"{folder}/{name}.md" for name in FRONT_PAGES)
