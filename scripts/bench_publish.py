"""What a changed line costs to publish beside 5,000 articles; run by bench.

.venv/bin/python scripts/bench_publish.py [--articles 5000] [--profile]
"""

import argparse
import cProfile
import os
import pstats
import random
import shutil
import statistics
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import made_up, settings_of, timed

from kbsearch.articles.publishing.publications import Publication
from kbsearch.articles.publishing.publish import publish
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase

TRANSLATED = 4  # one article of so many has an English twin
PHRASED = 5  # one of so many says how it is found
FOLDER = 50  # articles
SHORTEST = 5  # letters; a title of shorter words is not found among thousands
COMMITS = 40  # that wrote them
SENTENCES = (  # of which the median counts
    "Fermez la session avant de partir.",
    "Le bouton se trouve en haut à droite.",
    "Cette option demande un droit de gestion.",
    "Un message confirme que tout est envoyé.",
    "Recommencez si la page reste blanche.",
)
AUTHOR = ("-c", "user.name=Wendy", "-c", "user.email=wendy@support.example")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=5_000)
    parser.add_argument("--profile", action="store_true", help="of the last change")
    options = parser.parse_args()
    place = Path(".cache/bench-publish").absolute()
    shutil.rmtree(place, ignore_errors=True)
    content = place / "content"
    files = write_history(content, options.articles)
    settings = settings_of(place)
    settings = type(settings)(**{**vars(settings), "content": content})
    db = SqliteDatabase(settings.database_path)
    migrate(db)

    def publishing() -> None:
        outcome = publish(db, settings)
        assert isinstance(outcome, Publication), outcome

    whole = measured(publishing)
    print(f"publishing {len(files):,} articles     {as_text(whole)}".replace(",", " "))
    changes = []
    for number in range(len(SENTENCES)):
        file = random.Random(number).choice(files)
        change_line(file, SENTENCES[number])
        commit(content, f"One line more, {number}")
        changes.append(measured(publishing))
    line = [statistics.median(figures) for figures in zip(*changes, strict=True)]
    ratios = [small / large for small, large in zip(line, whole, strict=True)]
    print(f"  then a changed line      {as_text(line)}")
    print(f"  of the first             {ratios[0]:8.3f}     {ratios[1]:8.3f}")
    if options.profile:
        change_line(file, "Encore une.")
        commit(content, "Another")
        profile = cProfile.Profile()
        profile.runcall(publishing)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    db.close()
    shutil.rmtree(place, ignore_errors=True)


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the wall and of the processors, those of git too."""
    before = sum(os.times()[:4])
    wall = timed(work)
    return wall, sum(os.times()[:4]) - before


def as_text(seconds: Sequence[float]) -> str:
    return f"{seconds[0]:8.2f} s   {seconds[1]:8.2f} s of processors"


def change_line(file: Path, sentence: str) -> None:
    file.write_text(f"{file.read_text('utf-8')}\n{sentence}\n", "utf-8")


def write_history(content: Path, count: int) -> list[Path]:
    """A repository of that many articles, most in French, that link to each other."""
    chance = random.Random(1)
    content.mkdir(parents=True)
    git(content, "init", "--quiet", "--initial-branch=main")
    texts = (text for text in made_up() if len(telling(words_of(text))) >= 5)
    files: list[Path] = []
    number = 0
    while len(files) < count:
        number += 1
        files.append(write_article(content, chance, "fr", number, next(texts)))
        if number % TRANSLATED == 0:
            files.append(write_article(content, chance, "en", number, next(texts)))
        if len(files) % (count // COMMITS) < 2:
            commit(content, f"Articles up to {number}")
    commit(content, "The last ones")
    return files


def write_article(
    content: Path, chance: random.Random, language: str, number: int, text: dict[str, object]
) -> Path:
    folder = content / "articles" / language / f"folder-{number // FOLDER}"
    folder.mkdir(parents=True, exist_ok=True)
    words = words_of(text)
    title = f"{' '.join(chance.sample(telling(words), 5))} {number}"
    words_alone = title.rpartition(" ")[0]
    phrase = f"found_by:\n  - {words_alone}\n" if number % PHRASED == 0 else ""
    other = chance.randrange(1, number) if number > 1 and language == "fr" else 0
    link = (
        f"[Voir la suite](../folder-{other // FOLDER}/article-{other}.md#etapes)" if other else ""
    )
    paragraphs = [" ".join(chance.choices(words, k=60)) + "." for _ in range(6)]
    body = "\n\n".join([*paragraphs[:3], "## Étapes", *paragraphs[3:], link])
    head = f"---\ntitle: {title}\naudience: everyone\n{phrase}---\n\n"
    file = folder / f"article-{number}.md"
    file.write_text(head + body + "\n", "utf-8")
    return file


def words_of(text: dict[str, object]) -> list[str]:
    return [word for word in str(text["description"]).split() if word.isalpha()]


def telling(words: list[str]) -> list[str]:
    return sorted({word for word in words if len(word) > SHORTEST})


def commit(content: Path, message: str) -> None:
    git(content, "add", "--all")
    git(content, *AUTHOR, "commit", "--quiet", "--allow-empty", "--message", message)


def git(content: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(content), *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    main()
