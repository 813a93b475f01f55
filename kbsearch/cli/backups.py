"""kbsearch backup and restore: all that cannot be made again, in one file."""

from dataclasses import asdict
from pathlib import Path

import click

from kbsearch.cli import Site, pass_anywhere, pass_site
from kbsearch.cli.output import echo_json, json_option, progress_bar, say
from kbsearch.database import if_possible
from kbsearch.site import backups, health, restoring
from kbsearch.site.backups import Manifest
from kbsearch.site.restoring import Restored


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@pass_site
def backup_command(site: Site, file: Path, as_json: bool) -> None:
    """Save the database, attached files, received mail, key, settings and content in FILE.

    The site may be running. FILE is a tar archive, compressed when it ends in .gz or .tgz; it is
    read back before it gets its name, and replaces an older one only then. Keep it elsewhere and
    safe: it holds personal data and secrets.

    Example: kbsearch backup /backup/help-2026-01-31.tar.gz
    """
    with progress_bar() as progress:
        task = progress.add_task("", total=None)

        def tell(name: str) -> None:
            progress.update(task, description=name[-60:])

        manifest = backups.create(site.settings, site.db, file.absolute(), tell)
    with if_possible(site.db):
        health.note_backup(site.db)
    if as_json:
        echo_json(_told(manifest))
        return
    size = round(manifest.size / 1_000_000, 1)
    line = say(
        "%(file)s: %(count)d files, %(size)s MB", file=file, count=len(manifest.files), size=size
    )
    click.echo(line)
    _warn(manifest)


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the archive, change nothing.")
@json_option
@pass_anywhere
def restore_command(site: Site, file: Path, dry_run: bool, as_json: bool) -> None:
    """Bring a backup back into this site, or make one of it in an empty folder.

    Stop the site first. What was there is set aside in a folder of its own, nothing is removed;
    a kbsearch.toml that is there stays in force.

    Example: kbsearch restore /backup/help-2026-01-31.tar.gz --dry-run
    """
    if dry_run:
        restored = restoring.look(file, site.settings.site.absolute())
    else:
        restored = restoring.restore(site.configuration, file)
    if as_json:
        places = {
            name: str(place) if (place := getattr(restored, name)) else None
            for name in ("set_aside", "settings_beside")
        }
        echo_json({**_told(restored.manifest), "counts": restored.counts, **places})
        return
    _tell(restored, dry_run)


def _tell(restored: Restored, dry_run: bool) -> None:
    manifest = restored.manifest
    line = say(
        "Made %(at)s with kbsearch %(version)s.", at=manifest.made_at, version=manifest.kbsearch
    )
    click.echo(line)
    for noun, count in restored.counts.items():
        click.echo(f"  {say(noun)}: {count}")
    _warn(manifest)
    if dry_run:
        click.echo(say("The archive is whole. Nothing was changed."))
        return
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
