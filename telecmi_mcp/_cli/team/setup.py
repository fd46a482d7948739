"""``telecmi-mcp team setup``: asks for what a team server needs, checks it, and writes settings and a systemd unit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_setting_flags, with_flags
from telecmi_mcp._cli.team import setup_report
from telecmi_mcp._cli.team.database import require_driver
from telecmi_mcp._cli.team.operations import add_operation
from telecmi_mcp._config import variables as common
from telecmi_mcp._team.config import variables as team

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from telecmi_mcp._cli.team.operations import AddParser
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.setup.plan import Plan
    from telecmi_mcp._team.setup.service_user import ServiceUser

_SUMMARY = "Write the settings of a team server and a systemd unit, from answers or flags that are checked at once."
_SETTINGS_FILE = "settings.env"


def add_operations(add_parser: AddParser) -> None:
    """Add the operation."""
    setup = add_operation(add_parser, "setup", _SUMMARY, _setup)
    setup.add_argument(
        "--folder",
        type=Path,
        default=Path("telecmi-team"),
        help="Folder for the files; default: telecmi-team in the current folder.",
    )
    setup.add_argument(
        "--force",
        action="store_true",
        help="Replace the files that are there, except keys of encryption and of the audit.",
    )
    setup.add_argument(
        "--database-url-file", type=Path, metavar="FILE", help=f"File of mode 0600 with {team.DATABASE_URL.variable}."
    )
    setup.add_argument(
        "--service-user", default="", metavar="NAME", help="User that runs the server; default: who runs this."
    )
    add_setting_flags(setup, (*team.TEAM, *(each for each in common.ALL if each.flag != "--early-answers")))


def _setup(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._cli.team.setup_answers import collect
    from telecmi_mcp._team.setup.service_user import choose_service_user

    folder: Path = args.folder.expanduser().absolute()
    if (folder / _SETTINGS_FILE).exists() and not args.force:
        return _show(folder, args)
    require_driver()
    owner = choose_service_user(args.service_user)
    given = collect(args, with_flags(args, environ))
    plan, settings = _planned(given, folder)
    _write(plan, settings, folder, owner)
    return 0


def _show(folder: Path, args: argparse.Namespace) -> int:
    """Print the setup that is there; the exit code is 1 if a flag says something else."""
    from telecmi_mcp._team.setup.settings_file import read_settings

    values = read_settings(folder / _SETTINGS_FILE)
    flags = {name: value for name, value in vars(args).items() if name.startswith("TELECMI_") and value is not None}
    others = [name for name, value in flags.items() if values.get(name) != value]
    print(setup_report.existing(folder, values))
    if others:
        print(f"Different from the flags: {', '.join(others)}.", file=sys.stderr)
    return 1 if others else 0


def _planned(given: Mapping[str, str], folder: Path) -> tuple[Plan, TeamSettings]:
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.setup.plan import make_plan

    plan = make_plan(given, folder)
    return plan, TeamSettings.from_env(plan.values)


def _write(plan: Plan, settings: TeamSettings, folder: Path, owner: ServiceUser) -> None:
    from telecmi_mcp._team.setup.plan import write_setup
    from telecmi_mcp._team.setup.systemd_unit import NAME, format_unit

    unit = None
    if sys.platform == "linux":
        command = _program()
        unit = NAME, format_unit(settings, settings_file=folder / _SETTINGS_FILE, user=owner.name, command=command)
    written = write_setup(plan, folder, unit, owner)
    print(setup_report.written(folder, written))
    print(setup_report.next_steps(folder, settings, has_unit=unit is not None))


def _program() -> Sequence[str]:
    from telecmi_mcp._install.launch_command import find_server
    from telecmi_mcp.errors import ConfigurationError

    try:
        server = find_server(sys.argv[0], sys.executable, sys.prefix, {}, ("serve", "--http"))
    except ConfigurationError as why:
        hint = "Install the package and its extra team with pip or uv tool install, and run team setup again"
        raise ConfigurationError(hint=hint, fact=why.fact) from None
    return [server.command, *server.args]
