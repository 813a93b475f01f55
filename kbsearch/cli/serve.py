"""kbsearch serve, and its two halves: web and worker."""

import dataclasses
import json
import logging
import os
import socket
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kbsearch import config, config_sources, measures, tracing
from kbsearch.cli import Site, pass_anywhere, pass_site
from kbsearch.cli.output import echo_accounts
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database, slow
from kbsearch.processes import logs, tree
from kbsearch.processes.parent_pipe import PATIENCE, ParentPipe
from kbsearch.processes.tree import Child, ProcessTree

if TYPE_CHECKING:
    from kbsearch.site.demo import Account

log = logging.getLogger(__name__)

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # and where that is from here


@click.command("serve")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on; 0 picks a free one.")
@click.option("--workers", type=int, help="Web processes.")
@click.option("--patience", type=float, default=PATIENCE, hidden=True)
@click.option("--demo", is_flag=True, help="With people and past requests to try it on.")
@pass_anywhere
def serve_command(
    site: Site,
    host: str | None,
    port: int | None,
    workers: int | None,
    patience: float,
    demo: bool,
) -> None:
    """Run the help centre: web processes and the worker as one process tree.

    TERM or Ctrl-C lets running requests finish, a second one does not. HUP publishes now.

    Example: kbsearch serve --port 8000
    """
    flags = {"host": host, "port": port, "workers": workers}
    configuration = config_sources.load(site.configuration.path, flags)
    if demo:
        settings = _for_demo(configuration)
    else:
        site.require()
        settings = configuration.settings
    logs.start(settings.log_format)
    listener = tree.listen(settings.host, settings.port)
    if configuration.sources["base_url"] == "default":
        settings = dataclasses.replace(settings, base_url=_address(settings, listener))
        if settings.host in EVERYWHERE:
            log.warning("base_url is not set: pages will open on this machine only")
    environment = _environment(settings, configuration.sources)
    db = Site(dataclasses.replace(configuration, settings=settings)).db  # migrated from here on
    visitors = _demo_accounts(settings, db) if demo else ()

    def announce() -> None:
        click.echo(f"{settings.site_name}: {settings.base_url}/")
        if visitors:
            echo_accounts(visitors, settings.data_path / "mail")
        db.close()

    children = _children(configuration.path, settings, listener)
    family = ProcessTree(children, environment, listener, patience)
    family.leaving_seconds = settings.leaving_seconds
    sys.exit(family.run(announce))


@click.command("web")
@click.option("--fd", type=int, hidden=True, help="A listening socket to use.")
@click.option("--parent-pipe", type=int, hidden=True)
@pass_site
def web_command(site: Site, fd: int | None, parent_pipe: int | None) -> None:
    """Run one web process, for those who supervise the halves apart.

    Example: kbsearch web
    """
    _watch(site.settings)
    from kbsearch import create_app
    from kbsearch.web import bodies, health, server

    if fd is None:
        listener = tree.listen(site.settings.host, site.settings.port)
    else:
        listener = socket.socket(fileno=fd)
    app = create_app(site.settings, site.db, site.configuration.sources)
    server.run(
        app,
        listener,
        ParentPipe(parent_pipe),
        server.ServerOptions(
            behind_proxy=site.settings.trusted_proxies > 0,
            longest_body=partial(bodies.longest, app),
            connections_per_address=site.settings.connections_per_address,
            leaving_seconds=site.settings.leaving_seconds,
            announce=partial(health.leave, app),
        ),
    )


@click.command("worker")
@click.option("--parent-pipe", type=int, hidden=True)
@pass_site
def worker_command(site: Site, parent_pipe: int | None) -> None:
    """Run the worker: it publishes, indexes and empties the outbox. HUP publishes now.

    Example: kbsearch worker
    """
    _watch(site.settings)
    from kbsearch import worker

    worker.run(site.settings, site.db, ParentPipe(parent_pipe), site.configuration.sources)


def _watch(settings: Settings) -> None:
    """Have what this process does logged, counted and traced, as the settings say."""
    logs.start(settings.log_format)
    slow.name_from(settings.slow_query_ms)
    measures.start(settings)
    tracing.start(settings)


def _for_demo(configuration: Configuration) -> Settings:
    """Where nobody has chosen settings, those of the demo, and its articles."""
    settings = configuration.settings
    if configuration.path is not None:
        return settings
    from kbsearch.site import demo, new

    overrides: dict[str, Any] = {
        name: value for name, value in new.DEMO.items() if configuration.sources[name] == "default"
    }
    if configuration.sources["content"] == "default" and demo.is_its_own(settings):
        overrides["content"] = new.demo_content()
    return dataclasses.replace(settings, **overrides)


def _address(settings: Settings, listener: socket.socket) -> str:
    """Where this machine finds the site, when no setting says where people do."""
    host = EVERYWHERE.get(settings.host, settings.host)
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def _children(path: Path | None, settings: Settings, listener: socket.socket) -> list[Child]:
    kbsearch = [sys.executable, "-P", "-m", "kbsearch"]
    if path is not None:
        kbsearch += ["--config", str(path)]
    web = [*kbsearch, "web", "--fd", str(listener.fileno())]
    children = [Child("worker", [*kbsearch, "worker"], heeds_hup=True)]
    for number in range(1, settings.workers + 1):
        children.append(Child(f"web {number}", web, inherits=[listener.fileno()]))
    return children


def _environment(settings: Settings, sources: Mapping[str, str]) -> dict[str, str]:
    """The settings as variables: a child works with those its parent has checked."""
    environment = dict(os.environ)
    for name in config.FIELDS:
        if name in config_sources.TABLES:
            continue  # they read the file, too
        value = getattr(settings, name)
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        environment[f"KBSEARCH_{name.upper()}"] = text
    return {**environment, config_sources.SOURCES: json.dumps(dict(sources))}


def _demo_accounts(settings: Settings, db: Database) -> "tuple[Account, ...]":
    from kbsearch.site import demo

    return demo.ensure(settings, db)
