"""Content shared through a git remote: taken over, given, and nothing lost where sides differ."""

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from kbsearch import articles, config, config_checks, config_sources, create_app, worker
from kbsearch.articles.publishing import branches, remotes, sharing
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.publishing.remotes import Push
from kbsearch.articles.writing import amending, drafts, originals, proposals
from kbsearch.articles.writing.composition import Composed
from kbsearch.config import ConfigError, Settings
from kbsearch.config_sources import Configuration
from kbsearch.errors import Conflict, Invalid, Unavailable
from kbsearch.site.doctor import content as doctor
from kbsearch.site.doctor.checks import Patient
from tests.kit.web import sign_in
from tests.kit.writers import PAGE, article, commit, git, repository, write

KEY = "draft-key-1"
OTHER = "articles/en/guide/other.md"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def remote(settings: Settings, tmp_path: Path) -> Path:
    """A bare repository with two articles, as a writer pushed them."""
    desk = tmp_path / "desk"
    own = repository(replace(settings, site=desk))
    write(own, PAGE, article("A page", "First.\n\nSecond."))
    write(own, OTHER, article("Another", "Other words."))
    commit(own)
    git(tmp_path, "clone", "--quiet", "--bare", str(own), "remote.git")
    git(own, "remote", "add", "origin", str(tmp_path / "remote.git"))
    return tmp_path / "remote.git"


@pytest.fixture
def desk(remote: Path, settings: Settings, tmp_path: Path) -> Path:
    """The clone of a writer who works elsewhere."""
    return replace(settings, site=tmp_path / "desk").content_path


@pytest.fixture
def here(db, settings: Settings, remote: Path) -> Settings:
    return host(db, settings, remote, "here")


def host(db, settings: Settings, remote: Path, name: str) -> Settings:
    """A machine that follows the remote from now on."""
    made = replace(settings, site=settings.site / name, content_remote=str(remote))
    sharing.follow(db, made)
    publish(db, made)
    return made


def elsewhere(desk: Path, path: str, text: str) -> str:
    """A writer pushes a file from their own machine."""
    git(desk, "pull", "--quiet", "--rebase", "origin", "main")
    write(desk, path, text)
    made = commit(desk, "Elsewhere")
    git(desk, "push", "--quiet", "origin", "main")
    return made


def by_hand(settings: Settings, path: str, text: str) -> str:
    write(settings.content_path, path, text)
    return commit(settings.content_path, "By hand")


def begin(db, viewer, settings: Settings, path: str = PAGE, **values: str) -> None:
    original = originals.current(settings, path)
    read = replace(amending.read(original, "everyone"), **values)  # type: ignore[arg-type]
    drafts.save(db, viewer, KEY, Composed(read, original=original), tab="one")


def head(repository: Path, branch: str = "main") -> str:
    return git(repository, "rev-parse", branch)


def findings(db, settings: Settings) -> list[str]:
    checks = doctor.shared(Patient(Configuration(settings, {})), db)
    return [f"{check.state}: {check.told % dict(check.values)}" for check in checks]


def test_a_new_host_has_a_clone_and_follows(db, cast, here, remote, desk):
    assert head(here.content_path) == head(remote)
    pushed = elsewhere(desk, OTHER, article("Another title"))
    sharing.follow(db, here)
    assert head(here.content_path) == pushed
    assert git(here.content_path, "status", "--porcelain") == ""
    publish(db, here)
    card = articles.find_path(db, cast.alice, "en/guide/other")
    assert card is not None and card.title == "Another title"
    assert findings(db, here) == [f"ok: the content is that of {remote}"]
    assert not sharing.follow(db, here), "nothing is new"


def test_a_clone_that_was_killed_is_made_anew(db, settings, remote, monkeypatch):
    new = replace(settings, site=settings.site / "new", content_remote=str(remote))

    def die(patience, repository, *arguments):
        half = Path(arguments[-1]) / ".git"
        half.mkdir(parents=True)
        (half / "HEAD").write_text("ref: refs/heads/main")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(remotes, "_run", die)
        sharing.follow(db, new)
    assert not new.content_path.exists()
    sharing.follow(db, new)
    assert head(new.content_path) == head(remote)
    assert [path.name for path in new.site.glob("content*")] == ["content"]


def test_a_writer_does_not_wait_for_ever_behind_the_worker(db, cast, here, monkeypatch):
    begin(db, cast.dan, here, title="By Dan")
    name = proposals.propose(db, cast.dan, here, KEY)
    branch = branches.find(here, name)
    monkeypatch.setattr(sharing, "WRITERS_TURN", 0.0)
    with sharing.turn(here), pytest.raises(Unavailable, match="under_way"):
        proposals.publish_branch(db, cast.wendy, here, branch)
    assert branches.find(here, name).commit == branch.commit
    proposals.publish_branch(db, cast.wendy, here, branch)


def test_what_is_committed_or_published_here_goes_there(db, cast, here, remote):
    assert by_hand(here, OTHER, article("By hand"))
    sharing.follow(db, here)
    assert head(remote) == head(here.content_path)
    begin(db, cast.wendy, here, title="In the browser")
    proposals.publish(db, cast.wendy, here, KEY)
    assert head(remote) == head(here.content_path)
    assert "In the browser" in git(remote, "show", f"main:{PAGE}")


def test_a_proposal_comes_to_the_other_host_and_goes_with_it(db, cast, settings, here, remote):
    begin(db, cast.dan, here, title="By Dan")
    name = proposals.propose(db, cast.dan, here, KEY)
    sharing.follow(db, here)
    there = host(db, settings, remote, "there")
    branch = branches.find(there, name)
    assert branch.commit == branches.find(here, name).commit == head(remote, name)
    branches.discard(there, branch)
    sharing.follow(db, there)
    assert git(remote, "branch", "--list", name) == ""
    sharing.follow(db, here)
    assert branches.list_all(here) == []
    branches.restore(here, name, branch.commit)
    sharing.follow(db, here)
    assert head(remote, name) == branch.commit


def test_a_branch_changed_on_both_sides_is_the_remotes_and_the_other_is_kept(
    db, cast, settings, here, remote
):
    begin(db, cast.dan, here, title="By Dan")
    name = proposals.propose(db, cast.dan, here, KEY)
    sharing.follow(db, here)
    there = host(db, settings, remote, "there")
    commits = {}
    for place, title in ((there, "There"), (here, "Here")):
        branch = branches.find(place, name)
        tree = git(place.content_path, "rev-parse", f"{branch.commit}^{{tree}}")
        made = git(place.content_path, "commit-tree", tree, "-p", branch.commit, "-m", title)
        commits[title] = branches.move(place, branch, made).commit
        sharing.follow(db, place)
    assert head(remote, name) == commits["There"] == branches.find(here, name).commit
    kept = f"{branches.KEPT}{commits['Here']}/{name}"
    assert git(here.content_path, "rev-parse", kept) == commits["Here"]


def test_two_hosts_publish_one_after_the_other_without_fetching(db, cast, settings, here, remote):
    there = host(db, settings, remote, "there")
    begin(db, cast.wendy, here, title="Here")
    proposals.publish(db, cast.wendy, here, KEY)
    begin(db, cast.wendy, there, OTHER, title="There")
    proposals.publish(db, cast.wendy, there, KEY)
    assert "Here" in git(remote, "show", f"main:{PAGE}")
    assert "There" in git(remote, "show", f"main:{OTHER}")


def test_a_push_that_is_refused_is_put_on_top_and_pushed_again(
    db, cast, here, remote, desk, monkeypatch
):
    """Between our look at the remote and our push, somebody else pushes."""
    theirs: list[str] = []
    push = remotes.push

    def overtaken(repository, url: str, pushes: list[Push], patience: float) -> set[str]:
        if not theirs:
            theirs.append(elsewhere(desk, OTHER, article("Quicker")))
        return push(repository, url, pushes, patience)

    monkeypatch.setattr(remotes, "push", overtaken)
    begin(db, cast.wendy, here, title="Slower")
    proposals.publish(db, cast.wendy, here, KEY)
    assert head(remote, "main~1") == theirs[0]
    assert head(remote) == head(here.content_path)
    assert "Slower" in git(remote, "show", f"main:{PAGE}")


def test_who_changed_the_same_file_elsewhere_is_shown_to_the_writer(db, cast, here, remote, desk):
    begin(db, cast.wendy, here, title="Mine")
    name = proposals.propose(db, cast.wendy, here, KEY)
    pushed = elsewhere(desk, PAGE, article("Theirs"))
    with pytest.raises(Conflict):
        proposals.publish_branch(db, cast.wendy, here, branches.find(here, name))
    assert head(remote) == pushed
    assert drafts.find(db, cast.wendy, KEY).article.title == "Mine"
    assert branches.find(here, name).commit


def test_while_the_remote_is_away_writers_go_on_and_are_told(db, cast, here, remote, desk, caplog):
    remote.rename(remote.with_name("away.git"))
    for _ in range(2):
        sharing.follow(db, here)
    assert caplog.text.count("cannot be reached") == 1
    begin(db, cast.wendy, here, title="Meanwhile")
    proposals.publish(db, cast.wendy, here, KEY)
    assert any(
        line.startswith(f"fail: {remote} has not been reached since") for line in findings(db, here)
    )
    client = create_app(here, db).test_client()
    sign_in(client, db, cast.wendy)
    assert f"The shared repository {remote} does not answer" in client.get("/en/desk/articles").text
    remote.with_name("away.git").rename(remote)
    elsewhere(desk, OTHER, article("Meanwhile too"))
    with caplog.at_level(logging.INFO):
        sharing.follow(db, here)
    assert "is there again" in caplog.text
    assert head(remote) == head(here.content_path)
    assert "Meanwhile" in git(remote, "show", f"main:{PAGE}")
    assert "Meanwhile too" in git(remote, "show", f"main:{OTHER}")
    assert findings(db, here) == [f"ok: the content is that of {remote}"]


@pytest.mark.parametrize("mine", [article("Mine"), article("A page", "[Read](gone.md)")])
def test_what_does_not_go_on_top_is_a_branch_that_writers_see(
    db, cast, here, remote, desk, mine: str
):
    path = PAGE if "Mine" in mine else OTHER
    own = by_hand(here, path, mine)
    pushed = elsewhere(desk, PAGE, article("Theirs"))
    sharing.follow(db, here)
    assert head(here.content_path) == head(remote) == pushed
    assert (here.content_path / PAGE).read_text() == article("Theirs")
    (branch,) = branches.list_all(here)
    assert (branch.name, branch.commit) == (f"draft/unmerged-{own[:10]}", own)
    assert head(remote, branch.name) == own


def test_what_others_broke_does_not_hold_back_what_is_here(db, here, remote, desk):
    by_hand(here, PAGE, article("Mine"))
    pushed = elsewhere(desk, OTHER, article("Theirs", "[Read](gone.md)"))
    sharing.follow(db, here)
    assert head(remote, "main~1") == pushed
    assert branches.list_all(here) == []


def test_a_history_written_anew_is_followed_and_the_old_one_kept(db, cast, here, remote, desk):
    before = elsewhere(desk, OTHER, article("A secret"))
    sharing.follow(db, here)
    own = by_hand(here, PAGE, article("Not pushed yet"))
    git(desk, "reset", "--quiet", "--hard", f"{before}~1")
    write(desk, OTHER, article("No secret"))
    commit(desk)
    git(desk, "push", "--quiet", "--force", "origin", "main")
    sharing.follow(db, here)
    sharing.follow(db, here)
    assert head(remote, "main~1") == head(desk)
    assert head(remote) == head(here.content_path)
    assert "Not pushed yet" in git(remote, "show", f"main:{PAGE}")
    assert before not in git(remote, "rev-list", "main")
    ((reference, kept),) = sharing.rewritten(here).items()
    assert kept == own
    assert any(
        reference in line and line.startswith("warn: the history") for line in findings(db, here)
    )
    client = create_app(here, db).test_client()
    sign_in(client, db, cast.wendy)
    assert reference in client.get("/en/desk/articles").text


def test_a_commit_taken_away_elsewhere_does_not_come_back(db, here, remote, desk):
    bad = elsewhere(desk, OTHER, article("A mistake"))
    sharing.follow(db, here)
    git(desk, "reset", "--quiet", "--hard", f"{bad}~1")
    git(desk, "push", "--quiet", "--force", "origin", "main")
    sharing.follow(db, here)
    assert head(here.content_path) == head(remote) == head(desk) != bad


def test_files_in_the_way_are_left_and_told(db, here, remote, desk):
    (here.content_path / PAGE).write_text("Somebody writes here")
    elsewhere(desk, PAGE, article("Theirs"))
    with pytest.raises(Invalid, match="work_tree_in_the_way"):
        sharing.follow(db, here)
    assert (here.content_path / PAGE).read_text() == "Somebody writes here"
    assert findings(db, here) == [f"warn: what {remote} has is not taken over here"]


def test_the_worker_gives_what_it_publishes_and_publishes_what_it_takes(
    db, cast, here, remote, desk
):
    content = worker.Content(here, db, SimpleNamespace(publish=False))  # type: ignore[arg-type]
    by_hand(here, OTHER, article("By hand"))
    assert content.follow()
    assert head(remote) == head(here.content_path)
    elsewhere(desk, PAGE, article("From elsewhere"))
    assert content.share() and content.follow()
    card = articles.find_path(db, cast.alice, "en/guide/page")
    assert card is not None and card.title == "From elsewhere"


def test_no_password_is_told(db, here, caplog):
    away = replace(here, content_remote="http://wendy:secret@127.0.0.1:9/content.git")
    sharing.follow(db, away)
    assert "127.0.0.1:9" in sharing.look(db).reason
    assert "secret" not in sharing.look(db).reason + caplog.text + "".join(findings(db, away))


@pytest.mark.parametrize(
    "address", ["ext::sh -c id", "http://git.example/x", "--upload-pack=id", "git://git.example/x"]
)
def test_what_git_is_not_given(address: str):
    flags = {"content_remote": address}
    with pytest.raises(ConfigError, match="content_remote"):
        config_sources.load(None, flags, {})


@pytest.mark.parametrize(
    "address", ["git@git.example:help.git", "https://git.example/help.git", "ssh://h/x", "../x.git"]
)
def test_what_git_is_given(address: str, settings: Settings):
    config_checks.check(
        replace(settings, content_remote=address), dict.fromkeys(config.FIELDS, "here")
    )
    place = replace(settings, content_remote=address).content_remote_address
    assert place == address or place.startswith("/")
