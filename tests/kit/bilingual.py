"""The history of articles in two languages, made from a seed, and what of it is behind at its end.

Whoever writes edits, adds, moves and removes paragraphs of the French originals; whoever translates
follows some of it, later or at once, and improves other paragraphs as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

WORDS = """
    facture client avoir date ligne compte menu choisir ouvrir bouton liste page journal taux
    export fichier colonne filtre copie droit mot passe lien courriel serveur sauvegarde mois
    saisie montant devise banque solde relance contrat licence poste module rapport tableau
    """.split()  # noqa: SIM905 (words are read as a text)
HEAD = "---\ntitle: {title}\naudience: everyone\n---\n\n"


@dataclass
class Paragraph:
    """A paragraph of an original, and of its translation if it has one."""

    kind: str  # heading, step or text
    words: list[str]
    meaning: int = 0  # raised by every change that is no typo
    translated: list[str] | None = None
    translated_meaning: int = 0
    is_gone: bool = False  # from the original
    line: int = 0  # of the translation's file

    @property
    def is_behind(self) -> bool:
        return self.translated is not None and (
            self.is_gone or self.translated_meaning != self.meaning
        )

    @property
    def is_missing(self) -> bool:
        return self.translated is None and not self.is_gone


@dataclass
class Pair:
    """An article and its translation."""

    name: str
    paragraphs: list[Paragraph] = field(default_factory=list)

    def original(self) -> str:
        there = [each for each in self.paragraphs if not each.is_gone]
        return HEAD.format(title=f"Article {self.name}") + _body(
            [(each.kind, each.words) for each in there]
        )

    def translation(self) -> str:
        there = [each for each in self.paragraphs if each.translated is not None]
        text = HEAD.format(title=f"Page {self.name}")
        for each in there:
            each.line = text.count("\n") + 1
            text += _body([(each.kind, each.translated or [])])
        return text


def _body(paragraphs: list[tuple[str, list[str]]]) -> str:
    signs = {"heading": "## ", "step": "- ", "text": ""}
    return "".join(f"{signs[kind]}{' '.join(words)}\n\n" for kind, words in paragraphs)


class History:
    """Commits as `git fast-import` reads them."""

    def __init__(self, seed: int, articles: int, commits: int) -> None:
        self.random = Random(seed)
        self.pairs = [self._pair(f"a{number}") for number in range(articles)]
        self._clock = 1_790_000_000
        self.stream = "".join([self._commit("Begin", self.pairs), *self._commits(commits)])

    def _pair(self, name: str) -> Pair:
        kinds = self.random.choices(["text", "step", "heading"], [6, 4, 1], k=9)
        pair = Pair(name, [self._new(kind) for kind in ["text", *kinds, "text"]])
        for paragraph in pair.paragraphs:
            self._translate(paragraph)
        return pair

    def _new(self, kind: str) -> Paragraph:
        length = 4 if kind == "heading" else self.random.randint(9, 30)
        return Paragraph(kind, self.random.choices(WORDS, k=length))

    def _translate(self, paragraph: Paragraph) -> None:
        """Another language has other words, and as many of them, more or less."""
        paragraph.translated = [f"{word[::-1]}ing" for word in paragraph.words]
        if len(paragraph.translated) > 8 and self.random.random() < 0.5:
            paragraph.translated.pop()
        paragraph.translated.append(f"{self.random.randrange(10**6):06x}")
        paragraph.translated_meaning = paragraph.meaning

    def _commits(self, count: int) -> Iterator[str]:
        often = [self._edit, self._edit, self._edit, self._follow, self._follow]
        seldom = [self._typo, self._both, self._improve, self._add]
        rarely = [self._remove, self._move, self._rewrite]
        acts = [*often * 3, *seldom * 2, *rarely]
        for _ in range(count):
            pair = self.random.choice(self.pairs)
            subject = self.random.choice(acts)(pair)
            yield self._commit(subject, [pair])

    def _there(self, pair: Pair) -> list[Paragraph]:
        return [each for each in pair.paragraphs if not each.is_gone]

    def _change(self, words: list[str]) -> None:
        for _ in range(self.random.randint(1, max(1, len(words) // 5))):
            words[self.random.randrange(len(words))] = f"{self.random.choice(WORDS)}s"

    def _edit(self, pair: Pair) -> str:
        for paragraph in self.random.sample(self._there(pair), k=self.random.randint(1, 2)):
            self._change(paragraph.words)
            paragraph.meaning += 1
        return "Edit"

    def _rewrite(self, pair: Pair) -> str:
        paragraph = self.random.choice(self._there(pair))
        paragraph.words = self._new(paragraph.kind).words
        paragraph.meaning += 1
        return "Rewrite"

    def _typo(self, pair: Pair) -> str:
        self._change(self.random.choice(self._there(pair)).words)
        return self.random.choice(["typo: a letter", "Correct\n\nTypo: yes", "Coquille : un mot"])

    def _follow(self, pair: Pair) -> str:
        late = [each for each in pair.paragraphs if each.is_behind or each.is_missing]
        for paragraph in self.random.sample(late, k=min(len(late), self.random.randint(1, 4))):
            if paragraph.is_gone:
                pair.paragraphs.remove(paragraph)
            else:
                self._translate(paragraph)
        return "Translate"

    def _both(self, pair: Pair) -> str:
        paragraph = self.random.choice(self._there(pair))
        self._change(paragraph.words)
        paragraph.meaning += 1
        self._translate(paragraph)
        return "Edit both"

    def _improve(self, pair: Pair) -> str:
        """Whoever changes a paragraph of the translation has the original before their eyes."""
        there = [each for each in self._there(pair) if each.translated is not None]
        paragraph = self.random.choice(there)
        assert paragraph.translated is not None
        paragraph.translated.append("better")
        paragraph.translated_meaning = paragraph.meaning
        return "Improve"

    def _add(self, pair: Pair) -> str:
        place = self.random.randint(1, len(pair.paragraphs))
        pair.paragraphs.insert(place, self._new(self.random.choice(["text", "step"])))
        return "Add"

    def _remove(self, pair: Pair) -> str:
        if len(self._there(pair)) > 5:
            paragraph = self.random.choice(self._there(pair))
            paragraph.is_gone = True
            if paragraph.translated is None:
                pair.paragraphs.remove(paragraph)
        return "Remove"

    def _move(self, pair: Pair) -> str:
        """In both texts at once: the order of a translation is that of its original."""
        paragraph = pair.paragraphs.pop(self.random.randrange(1, len(pair.paragraphs)))
        pair.paragraphs.insert(self.random.randint(1, len(pair.paragraphs)), paragraph)
        return "Move"

    def _commit(self, subject: str, pairs: list[Pair]) -> str:
        self._clock += 3600
        lines = [
            "commit refs/heads/main\n",
            f"committer Wendy <wendy@support.example> {self._clock} +0000\n",
            _data(subject),
        ]
        for pair in pairs:
            for language, text in (("fr", pair.original()), ("en", pair.translation())):
                lines.append(f"M 100644 inline articles/{language}/guide/{pair.name}.md\n")
                lines.append(_data(text))
        return "".join(lines)


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
