"""The content: its articles, the repository they lie in, and what would be published of it."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kbsearch import articles as published
from kbsearch.articles.publishing import edition, git, publications, sharing
from kbsearch.articles.publishing.findings import has_errors
from kbsearch.articles.publishing.git import Repository, repository_of
from kbsearch.articles.publishing.git_tree import committed_tree
from kbsearch.articles.publishing.publish import tree_of
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.site.doctor.checks import Check, Patient, fail, listed, ok, warn

FSCK_SECONDS, DEEP_FSCK_SECONDS = 30, 600
COMMIT = re.compile("[0-9a-f]{40,64}")


def articles(patient: Patient) -> Iterator[Check]:
    folder = patient.settings.content_path
    if (folder / "articles").is_dir() or _is_pushed_to(patient):
        yield ok("content", "%(folder)s has articles", folder=folder)
    else:
        yield fail(
            "content",
            "%(folder)s has no articles/",
            "Set content to the folder that holds articles/, or run: kbsearch init DIR",
            folder=folder,
        )


def program(patient: Patient) -> Iterator[Check]:
    """Whether git is there for content that is kept in it."""
    if shutil.which("git"):
        yield ok("git", "git is there")
    elif _has_history(patient):
        yield fail("git", "git is not there", "Install git: nothing new is published without it.")
    else:
        yield warn(
            "git",
            "git is not there",
            "Install git: without it the folder itself is published, and no history is shown.",
        )


def branch(patient: Patient) -> Iterator[Check]:
    """What is live is a branch, and the one that writers have before them."""
    repository, name = _repository(patient), patient.settings.branch
    if repository is None or shutil.which("git") is None:
        return
    try:
        names = git.branches_of(repository)
    except subprocess.CalledProcessError:
        return  # said of its objects
    try:
        if committed_tree(patient.settings.content_path, name) is None:
            return  # a plain folder inside of somebody's repository
    except Invalid:
        yield fail(
            "branch",
            "the repository of the content has no “%(branch)s”, so nothing new is published",
            "Set branch to one of its branches: %(names)s",
            branch=name,
            names=listed(names) or "–",
        )
        return
    yield _checked_out(repository, name, names)


def _checked_out(repository: Repository, live: str, names: list[str]) -> Check:
    head = git.head_of(repository)
    if git.is_bare(repository) or (live != "HEAD" and live not in names) or live == head:
        return ok("branch", "%(branch)s is what is live", branch=live)
    checked_out = head[:10] if COMMIT.fullmatch(head) else head
    if live == "HEAD":
        return warn(
            "branch",
            "whatever is checked out is live, now %(head)s: a change of branch publishes it",
            "Set branch in kbsearch.toml to the branch that readers should see.",
            head=checked_out,
        )
    return warn(
        "branch",
        "%(branch)s is live, but %(head)s is checked out: what is committed there is not live",
        "Merge it into %(branch)s, or go back: git switch %(branch)s",
        branch=live,
        head=checked_out,
    )


def objects(patient: Patient) -> Iterator[Check]:
    """The repository is one, and each object that its branches lead to is there and whole."""
    repository, folder = _repository(patient), patient.settings.content_path
    if damage := git.damaged(folder):
        yield fail(
            "objects",
            "%(folder)s is no repository any more, so nothing new is published",
            "Bring it back from a backup, or clone the repository again.",
            folder=damage,
        )
    if repository is None:
        return
    if shutil.which("git") is None:
        return
    try:
        seconds = DEEP_FSCK_SECONDS if patient.is_deep else FSCK_SECONDS
        git.run(repository, "fsck", "--no-dangling", "--no-progress", timeout=seconds)
    except subprocess.CalledProcessError as problem:
        lines = (problem.stderr or problem.stdout).decode(errors="replace").strip().splitlines()
        yield fail(
            "objects",
            "the repository of %(folder)s is damaged: %(said)s",
            "Fetch it again from a clone or a backup: git fsck --full names every object.",
            folder=folder,
            said=lines[0] if lines else problem.returncode,
        )
    except subprocess.TimeoutExpired:
        yield warn(
            "objects",
            "the repository of %(folder)s was not read to its end within %(seconds)s s",
            "Look longer: kbsearch doctor --deep",
            folder=folder,
            seconds=seconds,
        )
    else:
        yield ok("objects", "the repository of %(folder)s is whole", folder=folder)


def locks(patient: Patient) -> Iterator[Check]:
    """git leaves a lock where it was killed, and nothing is committed any more."""
    repository = _repository(patient)
    if repository is None:
        return
    common = git.common_folder(repository.git_folder)
    locked = {*repository.git_folder.glob("*.lock"), *common.glob("*.lock")}
    locked |= {*common.glob("refs/**/*.lock"), *common.glob("objects/**/*.lock")}
    for path in sorted(locked):
        yield warn(
            "locks",
            "%(path)s is locked: nothing can be committed there meanwhile",
            "If no git is at work there, remove it: rm %(path)s",
            path=path,
        )


def shared(patient: Patient, db: Database) -> Iterator[Check]:
    """How this host stands with the remote of the content."""
    settings = patient.settings
    if not settings.content_remote:
        return
    remote, state = sharing.shown(settings), sharing.look(db)
    if state.since:
        yield fail(
            "remote",
            "%(remote)s has not been reached since %(since)s: %(reason)s",
            "Check content_remote, and the key or token this machine has for it. Nothing is lost.",
            remote=remote,
            since=state.since,
            reason=state.reason,
        )
    for reference in sharing.rewritten(settings):
        yield warn(
            "remote",
            "the history of %(remote)s was written anew; what was here is kept: %(reference)s",
            "Take what is missed from there; then remove it: git update-ref -d %(reference)s",
            remote=remote,
            reference=reference,
        )
    if sharing.is_behind(settings):
        yield warn(
            "remote",
            "what %(remote)s has is not taken over here",
            "Commit or undo what was changed by hand in the folder of the content.",
            remote=remote,
        )
    elif not state.since:
        yield ok("remote", "the content is that of %(remote)s", remote=remote)


def next_publication(patient: Patient, db: Database) -> Iterator[Check]:
    """Whether what is committed and not live yet would be put live."""
    settings = patient.settings
    refused, commit = publications.find_refused(db), published.live_commit(db)
    try:
        tree = tree_of(settings)
    except Invalid:
        return  # said of the content and of its branch
    if not tree.is_committed or tree.commit == commit or refused is not None:
        return
    findings = edition.make(tree, settings).findings
    if has_errors(findings):
        yield fail(
            "publication",
            "commit %(commit)s would be refused: %(finding)s",
            "Run kbsearch check, correct what it names and commit.",
            commit=tree.commit[:10],
            finding=next(str(finding) for finding in findings if finding.severity == "error"),
        )


def _repository(patient: Patient) -> Repository | None:
    content = patient.settings.content_path
    return None if git.damaged(content) else repository_of(content)


def _is_pushed_to(patient: Patient) -> bool:
    """Whether the content is a bare repository: its articles are in no folder."""
    repository = _repository(patient)
    return repository is not None and repository.git_folder == (
        patient.settings.content_path.resolve()
    )


def _has_history(patient: Patient) -> bool:
    place: Path = patient.settings.content_path / ".git"
    return place.exists()
