"""The content shared through a remote: each host follows it with a clone, and gives it its own.

The remote decides who came first. What is local and cannot go on top of it is kept: on a branch
that writers see, or, where the history of the remote was written anew, under a name of its own.
"""

import fcntl
import json
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from kbsearch.articles.publishing import branches, git, previews, rebasing, remotes
from kbsearch.articles.publishing.commits import OWN_ADDRESS
from kbsearch.articles.publishing.findings import Finding, has_errors
from kbsearch.articles.publishing.git import Repository, repository_of
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.remotes import FETCHED, HEADS, Push, RemoteAway
from kbsearch.clock import now, parsed, utc_now
from kbsearch.config import Settings, without_user
from kbsearch.database import Database, site_state
from kbsearch.errors import Conflict, Invalid, Unavailable

log = logging.getLogger(__name__)

AGREED = "refs/kbsearch/agreed/"  # what both had when all was said
REWRITTEN = "refs/kbsearch/rewritten/"  # what was here before a history was written anew
UNMERGED = f"{branches.DRAFTS}unmerged-"
ATTEMPTS = 3
SHORT = 10  # signs of a commit
WRITERS_PATIENCE = 10.0  # seconds for each thing that the remote is asked
WRITERS_TURN = 20.0  # seconds a writer waits behind the worker or another one
LOCK_PAUSE = 0.1
SPARED_SECONDS = 30.0  # after it was away, in which no writer is made to wait for it

Commits = Mapping[str, str]  # by the names of their branches


@dataclass(frozen=True)
class SharingState:
    """How this host stands with the remote: `since` when it is away, nothing while it is there."""

    since: str = ""
    reason: str = ""
    at: str = ""


def look(db: Database) -> SharingState:
    text = site_state.read(db, _state_name())
    return SharingState(**json.loads(text)) if text else SharingState()


def shown(settings: Settings) -> str:
    """The address of the remote as it may be told."""
    return without_user(settings.content_remote_address)


def rewritten(settings: Settings) -> dict[str, str]:
    """What is kept of histories that the remote wrote anew: commits by their references."""
    repository = repository_of(settings.content_path) if settings.content_remote else None
    kept = remotes.commits(repository, REWRITTEN) if repository else {}
    return {f"{REWRITTEN}{name}": commit for name, commit in kept.items()}


def is_behind(settings: Settings) -> bool:
    """Whether the remote had something, when it was last asked, that does not come here."""
    repository = repository_of(settings.content_path)
    live = branches.live_tree(settings) if repository else None
    if repository is None or live is None:
        return False
    there = remotes.commits(repository, FETCHED).get(_content_branch(settings, live), "")
    return not _is_in(repository, there, live.commit)


def follow(db: Database, settings: Settings) -> bool:
    """Fetch, take over, give: what the worker does each minute; whether anything moved here.

    Where the remote is away, that is noted and told once.
    """
    if not settings.content_remote:
        return False
    with turn(settings):
        try:
            if _is_missing(settings):
                remotes.clone(settings.content_remote_address, settings.content_path)
                log.info("%s: cloned from %s", settings.content_path, shown(settings))
            moved = _exchange(db, settings)
        except RemoteAway as problem:
            _note_away(db, settings, str(problem))
            return False
    _note_there(db, settings)
    return moved


@contextmanager
def turn(settings: Settings, patience: float | None = None) -> Iterator[None]:
    """One at a time moves the content's branch of this host, where it is shared.

    Raises Unavailable after so many seconds behind another; None waits as long as it takes.
    """
    if not settings.content_remote:
        yield
        return
    settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.data_path / "sharing.lock").open("w") as lock:
        if patience is None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        else:
            _lock_within(patience, lock)
        yield


def _lock_within(patience: float, lock: IO[str]) -> None:
    """The system has no lock that is waited for so long only."""
    end = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise Unavailable("sharing.under_way") from None
        time.sleep(LOCK_PAUSE)


def catch_up(db: Database, settings: Settings) -> None:
    """In a turn: have what others published before a writer's own goes on top of it."""
    if not settings.content_remote or _is_spared(db):
        return
    try:
        _take_content(db, settings, _repository(settings), WRITERS_PATIENCE)
    except RemoteAway as problem:
        _note_away(db, settings, str(problem))


def offer(db: Database, settings: Settings, live: GitTree, commit: str) -> bool:
    """In a turn: publish a commit at the remote before it is live here; no: others were quicker.

    Where the remote is away the writer goes on, and the worker gives it the commit later.
    """
    if not settings.content_remote or _is_spared(db):
        return True
    branch = _content_branch(settings, live)
    try:
        url, pushes = settings.content_remote_address, [Push(branch, commit)]
        return bool(remotes.push(live.repository, url, pushes, WRITERS_PATIENCE))
    except RemoteAway as problem:
        _note_away(db, settings, str(problem))
        return True


def _exchange(db: Database, settings: Settings) -> bool:
    repository = _repository(settings)
    before = remotes.commits(repository, HEADS)
    for _ in range(ATTEMPTS):
        # the rest of the worker's work does not wait long for what was away a minute ago
        patience = WRITERS_PATIENCE if look(db).since else remotes.PATIENCE
        branch, commit = _take_content(db, settings, repository, patience)
        there = remotes.commits(repository, FETCHED)
        pushes = [] if there.get(branch) == commit else [Push(branch, commit)]
        if not pushes or remotes.push(repository, settings.content_remote_address, pushes):
            _agree(repository, {branch: commit})
            _exchange_others(repository, settings, branch)
            break
    return before != remotes.commits(repository, HEADS)


def _take_content(
    db: Database, settings: Settings, repository: Repository, patience: float
) -> tuple[str, str]:
    """Fetch, and have the content's branch stand on top of the remote's; its name and commit."""
    there = remotes.fetch(repository, settings.content_remote_address, patience)
    live = branches.live_tree(settings)
    if live is None:
        raise Invalid("branch.no_repository")
    branch = _content_branch(settings, live)
    theirs, agreed = there.get(branch), remotes.commits(repository, AGREED).get(branch, "")
    if theirs is None or theirs == live.commit:
        return branch, live.commit
    is_rewritten = bool(agreed) and not rebasing.is_ancestor(repository, agreed, theirs)
    if is_rewritten:
        _keep_rewritten(repository, settings, live.commit, theirs)
    commit = _on_top(db, settings, live, theirs, agreed if is_rewritten else "")
    if commit == live.commit:
        return branch, commit
    if rebasing.is_ancestor(repository, live.commit, commit):
        if not rebasing.advance(settings, live, commit):
            raise Conflict("branch.moved", {})
    else:
        rebasing.replace(settings, live, commit)
    if is_rewritten:  # from now on it is what both have
        _agree(repository, {branch: theirs})
    return branch, commit


def _on_top(db: Database, settings: Settings, live: GitTree, theirs: str, since: str) -> str:
    """What is live here on top of what the remote has; its own alone, where that cannot be."""
    base = GitTree(live.repository, theirs)
    try:
        commit = rebasing.rebased(base, live.commit, by=OWN_ADDRESS, since=since)
        if commit in (theirs, live.commit):
            return commit
        findings = _findings(db, settings, GitTree(live.repository, commit))
        if not has_errors(findings) or has_errors(_findings(db, settings, base)):
            return commit  # where it is theirs that the rules refuse, ours is not to blame
        reason = str(next(finding for finding in findings if finding.severity == "error"))
    except Conflict as problem:
        reason = str(problem)
    name = f"{UNMERGED}{live.commit[:SHORT]}"
    remotes.update(live.repository, [f"update {HEADS}{name} {live.commit}"])
    log.warning("what is here does not go on top of %s (%s): it is on the branch %s",
                shown(settings), reason, name)  # fmt: skip
    return theirs


def _findings(db: Database, settings: Settings, tree: GitTree) -> tuple[Finding, ...]:
    return previews.of_tree(db, settings, tree).edition.findings


def _keep_rewritten(repository: Repository, settings: Settings, own: str, theirs: str) -> None:
    name = f"{REWRITTEN}{now()[:10]}-{own[:SHORT]}"
    remotes.update(repository, [f"update {name} {own}"])
    log.warning("the history of %s was written anew, it is at %s now; what was here is kept: %s",
                shown(settings), theirs, name)  # fmt: skip


def _exchange_others(repository: Repository, settings: Settings, content: str) -> None:
    """Bring all other branches together: drafts both ways, those of others one way."""
    here = remotes.commits(repository, HEADS)
    there, agreed = (remotes.commits(repository, prefix) for prefix in (FETCHED, AGREED))
    busy = _checked_out(repository)
    steps, pushes, settled = [], [], {}
    for name in sorted({*here, *there, *agreed} - {content} - busy):
        if not branches.is_name(name):
            continue
        own, theirs, both = (each.get(name, "") for each in (here, there, agreed))
        target = _target(repository, name, own, theirs, both)
        if target != own:
            steps += _moved(name, own, target, is_kept=not _is_in(repository, own, target))
        if target == theirs:
            settled[name] = theirs
        elif name.startswith(branches.DRAFTS):
            pushes.append(Push(name, target, theirs))
    if steps:
        remotes.update(repository, steps)
    if pushes:
        taken = remotes.push(repository, settings.content_remote_address, pushes)
        settled |= {each.branch: each.commit for each in pushes if each.branch in taken}
    _agree(repository, settled)


def _target(repository: Repository, name: str, own: str, theirs: str, both: str) -> str:
    """Where a branch goes on both sides, empty where it goes away; the remote's wins in the end."""
    if own == theirs or theirs == both:
        return own  # only we did something
    if own == both or not own:
        return theirs  # only they did
    if theirs and name.startswith(branches.DRAFTS) and _is_in(repository, theirs, own):
        return own
    return theirs or own


def _moved(name: str, own: str, target: str, *, is_kept: bool) -> list[str]:
    """The steps that move a branch; what it leads to no more can be brought back."""
    steps = [f"update {branches.KEPT}{own}/{name} {own}"] if is_kept else []
    if target:
        return [*steps, f"update {HEADS}{name} {target} {own or branches.NONE}"]
    return [*steps, f"delete {HEADS}{name} {own}"]


def _is_in(repository: Repository, older: str, newer: str) -> bool:
    return not older or (bool(newer) and rebasing.is_ancestor(repository, older, newer))


def _agree(repository: Repository, commits: Commits) -> None:
    """Note what both sides have."""
    known = remotes.commits(repository, AGREED)
    steps = [
        f"update {AGREED}{name} {commit}" if commit else f"delete {AGREED}{name}"
        for name, commit in commits.items()
        if commit != known.get(name, "")
    ]
    if steps:
        remotes.update(repository, steps)


def _checked_out(repository: Repository) -> set[str]:
    """The branches in whose files somebody works."""
    output = git.run(repository, "for-each-ref", "--format=%(worktreepath)%00%(refname)", HEADS)
    pairs = (line.split("\0") for line in output.decode(errors="replace").splitlines())
    return {name.removeprefix(HEADS) for work_tree, name in pairs if work_tree}


def _content_branch(settings: Settings, live: GitTree) -> str:
    return rebasing.content_branch(settings, live).removeprefix(HEADS)


def _repository(settings: Settings) -> Repository:
    repository = repository_of(settings.content_path)
    if repository is None:
        raise Invalid("branch.no_repository")
    return repository


def _is_missing(settings: Settings) -> bool:
    content = settings.content_path
    return not content.exists() or not any(content.iterdir())


def _is_spared(db: Database) -> bool:
    state = look(db)
    return bool(state.since) and (utc_now() - parsed(state.at)).total_seconds() < SPARED_SECONDS


def _note_away(db: Database, settings: Settings, reason: str) -> None:
    before = look(db)
    if not before.since:
        log.warning("%s cannot be reached: %s", shown(settings), reason)
    _keep(db, SharingState(before.since or now(), reason, now()))


def _note_there(db: Database, settings: Settings) -> None:
    if look(db).since:
        log.info("%s is there again", shown(settings))
        _keep(db, SharingState())


def _keep(db: Database, state: SharingState) -> None:
    site_state.write(db, _state_name(), json.dumps(asdict(state)))


def _state_name() -> str:
    return f"content_remote.{socket.gethostname()}"
