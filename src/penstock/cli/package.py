"""`package list|save|push`: the code package that containers run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from penstock.cli.state import CliState
    from penstock.compiler.packaging import CodePackage
    from penstock.runtime_shim.datastore.protocol import Datastore


@click.group(short_help="List, save or upload the code package.")
def package() -> None:
    """The code package: the flow's folder, the part of Penstock that runs steps, and the flow's plan.

    Files of the flow's folder that end in `.py` are in it, and with `--package-suffixes .csv,.sql` (before the command)
    others.  Hidden files, `build/`, version control, virtual environments and what `.penstockignore` names, in
    gitignore's syntax, are not.

    \b
    Examples:
      python flow.py package list
      python flow.py --package-suffixes .sql package save code.tar.gz
      python flow.py --datastore-root s3://bucket/metaflow package push
    """


@package.command("list", short_help="List the files of the code package.")
@click.pass_context
def list_files(ctx: click.Context) -> None:
    """List the files of the code package with their sizes, then its sha and its size."""
    built = _build(ctx.obj)
    for name, size in built.sizes.items():
        click.echo(f"{size:>10}  {name}")
    click.echo(f"{sum(built.sizes.values()):>10}  in {len(built.sizes)} files; sha {built.sha}")


@package.command(short_help="Write the code package to a file.")
@click.argument("file", type=click.Path(dir_okay=False))
@click.pass_context
def save(ctx: click.Context, file: str) -> None:
    """Write the code package to FILE, a tar.gz."""
    built = _build(ctx.obj, output=file)
    try:
        with open(file, "wb") as target:
            target.write(built.data)
    except OSError as error:
        raise click.UsageError(f"{file} can't be written: {error.strerror}", ctx) from None
    click.echo(f"{file}: {len(built.data):,} bytes, sha {built.sha}")


@package.command(short_help="Upload the code package to the datastore.")
@click.pass_context
def push(ctx: click.Context) -> None:
    """Upload what a compiled flow needs in the datastore: the object that `create --only-json` lists.

    The datastore is that of the jobs, `--datastore-root` or METAFLOW_DATASTORE_SYSROOT_S3; or what `--datastore` says.
    """
    from penstock.compiler.packaging import STORED_RAW
    from penstock.runtime_shim.records import blob_key

    state: CliState = ctx.obj
    built = _build(state)
    store = _store(state)
    key = blob_key(state.flow_class.__name__, built.sha)
    stored = store.put_if_absent(key, built.data, STORED_RAW)
    click.echo(f"{store.location(key)}  {'uploaded' if stored else 'unchanged'}")


def _store(state: CliState) -> Datastore:
    from penstock.runtime_shim.datastore.opening import open_datastore

    root = state.options.datastore_root
    on_s3 = (root or state.configuration.get("METAFLOW_DATASTORE_SYSROOT_S3") or "").startswith("s3://")
    if state.options.datastore is None and on_s3:
        return open_datastore("s3", root, state.configuration)
    return state.datastore()


def _build(state: CliState, output: str | None = None) -> CodePackage:
    """The package, with the warnings about it shown."""
    from penstock.backends.flow_package import package_of
    from penstock.compiler.render import render_text

    built = package_of(state, output)
    if built.warnings:
        click.echo(render_text(built.warnings), err=True)
    return built
