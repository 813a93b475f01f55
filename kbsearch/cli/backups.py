"""kbsearch backup, restore and drill: all that cannot be made again, in one file, and proved."""

from dataclasses import asdict
from pathlib import Path

import click

from kbsearch.cli import Refused, Site, pass_anywhere, pass_site
from kbsearch.cli.output import echo_json, json_option, progress_bar, say
from kbsearch.clock import now
from kbsearch.database import if_possible
from kbsearch.site import backup_rounds, backups, drills, fetching, restoring
from kbsearch.site.backups import ArchiveProgress, Manifest
from kbsearch.site.restoring import Restored
from kbsearch.vaults import outcomes
from kbsearch.vaults.outcomes import BackupMade, DrillProof

identity_option = click.option(
    "--identity",
    type=click.Path(allow_dash=True, path_type=Path),
    help="The private key, as age-keygen wrote it, where it is encrypted; -: standard input.",
)


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@json_option
@pass_site
def backup_command(site: Site, file: Path | None, as_json: bool) -> None:
    """Save the database, attached files, received mail, key, settings and content.

    The site may be running. In FILE, a tar archive, compressed when it ends in .gz or .tgz; it is
    read back before it gets its name, and replaces an older one only then. Keep it elsewhere and
    safe: it holds personal data and secrets. Without FILE, as the worker does each night: to where
    the setting backup_to says, encrypted, and old ones are removed.

    Example: kbsearch backup /backup/help-2026-01-31.tar.gz
    """
    with progress_bar() as progress:
        task = progress.add_task("", total=None)

        def tell(name: str) -> None:
            progress.update(task, description=name[-60:])

        if file is None:
            made = backup_rounds.run(site.db, site.settings, tell)
        else:
            manifest = _save(site, file, tell)
    if file is None:
        _tell_made(made, as_json)
        backup_rounds.tidy(site.db, site.settings)
    elif as_json:
        echo_json(_told(manifest))
    else:
        size = round(manifest.size / 1_000_000, 1)
        count = len(manifest.files)
        click.echo(say("%(file)s: %(count)d files, %(size)s MB", file=file, count=count, size=size))
        _warn(manifest)


def _save(site: Site, file: Path, tell: ArchiveProgress) -> Manifest:
    manifest = backups.create(site.settings, site.db, file.absolute(), tell)
    made = BackupMade(now(), file.name, str(file.absolute().parent), file.stat().st_size)
    with if_possible(site.db):
        outcomes.note_by_hand(site.db, made)
    return manifest


def _tell_made(made: BackupMade, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(made))
        return
    size = round(made.size / 1_000_000, 1)
    click.echo(
        say("%(name)s is in %(place)s: %(size)s MB", name=made.name, place=made.place, size=size)
    )


@click.command("restore")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--last", is_flag=True, help="The last one where the setting backup_to says.")
@identity_option
@click.option("--dry-run", is_flag=True, help="Check the archive, change nothing.")
@json_option
@pass_anywhere
def restore_command(
    site: Site, file: Path | None, last: bool, identity: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Bring a backup back into this site, or make one of it in an empty folder.

    Stop the site first. What was there is set aside in a folder of its own, nothing is removed;
    a kbsearch.toml that is there stays in force. Who was erased since stays erased.

    Example: kbsearch restore /backup/help-2026-01-31.tar.gz --dry-run
    """
    if (file is None) != last:
        raise Refused(say("name a file, or --last"))
    folder = site.settings.site.absolute()
    with fetching.opened(site.settings, file, identity, folder) as archive:
        if dry_run:
            restored = restoring.look(archive.path, folder)
        else:
            restored = restoring.restore(site.configuration, archive.path, archive.ledgers)
    if as_json:
        places = {
            name: str(place) if (place := getattr(restored, name)) else None
            for name in ("set_aside", "settings_beside")
        }
        counts = {"counts": restored.counts, "erased": restored.erased}
        echo_json({**_told(restored.manifest), **counts, **places})
        return
    _tell(restored, dry_run)


@click.command("drill")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@identity_option
@json_option
@pass_site
def drill_command(site: Site, file: Path | None, identity: Path | None, as_json: bool) -> None:
    """Prove that the last backup, or that in FILE, brings the site back.

    It is brought back into a folder beside the site, its files are read, its rows counted, its
    index built; then the folder goes. The site may be running, nobody signs in, nothing is sent.
    The overview of the administration shows when a backup was proved last. Status 1 when it was
    not.

    Example: ssh safe cat backup.key | kbsearch drill --identity -
    """
    proof = drills.drill(site.db, site.settings, file, identity)
    if as_json:
        echo_json({**asdict(proof), "is_good": proof.is_good})
    else:
        _tell_proof(proof)
    if not proof.is_good:
        raise click.exceptions.Exit(1)


def _tell_proof(proof: DrillProof) -> None:
    for problem in proof.problems:
        click.echo(f"! {problem}", err=True)
    for noun, count in proof.counts.items():
        click.echo(f"  {say(noun)}: {count}")
    if proof.is_good:
        line = "%(name)s of %(at)s brings the site back: proved in %(seconds)s s."
        click.echo(say(line, name=proof.name, at=proof.made_at, seconds=proof.seconds))


def _tell(restored: Restored, dry_run: bool) -> None:
    manifest = restored.manifest
    line = say(
        "Made %(at)s with kbsearch %(version)s.",
        at=manifest.made_at,
        version=manifest.kbsearch,
    )
    click.echo(line)
    for noun, count in restored.counts.items():
        click.echo(f"  {say(noun)}: {count}")
    _warn(manifest)
    if dry_run:
        click.echo(say("The archive is whole. Nothing was changed."))
        return
    if restored.erased:
        click.echo(say("Erased again, as they were since: %(count)d.", count=restored.erased))
    if restored.set_aside:
        click.echo(say("What was there is in %(folder)s.", folder=restored.set_aside))
    if restored.settings_beside:
        beside = restored.settings_beside
        click.echo(say("The settings of the backup are in %(file)s; those here stay.", file=beside))
    click.echo(say("Done: start the site, it builds its index anew."))


def _warn(manifest: Manifest) -> None:
    if manifest.missing:
        line = say("%(count)d files that requests name were missing", count=len(manifest.missing))
        click.echo(f"! {line}", err=True)


def _told(manifest: Manifest) -> dict[str, object]:
    values = asdict(manifest)
    del values["files"], values["format"]
    return {**values, "files": len(manifest.files), "size": manifest.size}
