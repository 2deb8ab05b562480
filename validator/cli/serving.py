"""The service, and what prepares it: serve, check-config, hash-token."""

from __future__ import annotations

from pathlib import Path

import click

from validator.cli.options import explained
from validator.model import SettingsError


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The settings file.")
@click.option("--listen", metavar="HOST:PORT", help="Instead of the settings' address.")
def serve(config: Path, listen: str | None) -> None:
    """Run the service."""
    from validator import service  # noqa: PLC0415
    from validator.settings import file as settings  # noqa: PLC0415

    with explained():
        chosen = settings.load(config)
        try:
            address = settings.parse_listen(listen) if listen else chosen.address
        except ValueError as error:
            raise SettingsError(f"--{error}") from None
        service.run(chosen, address, greet=click.echo)


@click.command("hash-token")
@click.option("--name", required=True, help="What the log calls it.")
@click.option(
    "--role",
    type=click.Choice(["read", "admin"]),
    default="read",
    show_default=True,
    help="What it is good for.",
)
def hash_token(name: str, role: str) -> None:
    """Make a token, and the lines for the settings file that let it in."""
    import msgspec  # noqa: PLC0415

    from validator.settings import http as http_settings  # noqa: PLC0415

    with explained():
        token, hashed = http_settings.make_token()
        lines = {"name": name, "sha256": hashed, "role": role}
        try:
            msgspec.convert(lines, http_settings.TokenSettings)
        except msgspec.ValidationError:
            raise click.UsageError(
                "--name: 1 to 64 letters, digits and the characters . _ @ -"
            ) from None
        click.echo("The token, which is kept nowhere and shown but once:", err=True)
        click.echo(token)
        click.echo("\nFor the settings file:", err=True)
        click.echo("[[http.tokens]]", err=True)
        for key, value in lines.items():
            click.echo(f'{key} = "{value}"', err=True)


@click.command("check-config")
@click.argument("config", type=click.Path(path_type=Path))
def check_config(config: Path) -> None:
    """Say whether a settings file is right, and what it would read."""
    from collectors.catalog import Kind  # noqa: PLC0415
    from validator.settings import file as settings  # noqa: PLC0415

    with explained():
        chosen = settings.load(config)
        for kind in Kind:
            for source in chosen.of(kind):
                click.echo(f"{kind.value:10} {source.source}")
        for milestones in chosen.milestone_sources:
            click.echo(f"{'milestones':10} {milestones}")
        click.echo(f"{config}: good")
