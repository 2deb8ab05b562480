"""Real BGP daemons that send BMP: ExaBGP feeds GoBGP or FRR, which reports to the test.

All of them listen on loopback addresses and free ports, with their configuration, sockets and logs
in the test's own folder; nothing of the system's is used or touched.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from collectors.wire.bmp_events import TableKind
from validator.model import NO_ORIGIN, Prefix

FEEDER, DUT = "127.0.0.2", "127.0.0.1"
FEEDER_AS, DUT_AS = 64501, 64500
REJECTED = "203.0.113.0/24"
"""The import policies of both daemons refuse this prefix and what lies under it."""

Route = tuple[str, int]
"""Prefix and origin."""

FRR_BGPD = "/usr/lib/frr/bgpd"


def missing(*programs: str) -> list[str]:
    return [program for program in programs if shutil.which(program) is None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((DUT, 0))
        return int(probe.getsockname()[1])


class Program:
    """A process of ours, ended by its id."""

    def __init__(self, folder: Path, name: str, *command: str, **environment: str) -> None:
        self.log = folder / f"{name}.log"
        self._command, self._environment = command, {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment
            )

    def end(self, *, at_once: bool = False) -> None:
        if self._process is not None:
            (self._process.kill if at_once else self._process.terminate)()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


_RELAY = """\
import sys
while True:
    with open(sys.argv[1]) as fifo:
        for line in fifo:
            sys.stdout.write(line)
            sys.stdout.flush()
"""


class ExaBgp(Program):
    """The feeder: announces and withdraws what it is told, and again whenever it connects."""

    def __init__(self, folder: Path, port: int, *, add_path: bool = False) -> None:
        self._fifo = folder / "commands"
        os.mkfifo(self._fifo)
        relay, conf = folder / "relay.py", folder / "exabgp.conf"
        relay.write_text(_RELAY)
        capability = "capability { add-path send; }" if add_path else ""
        conf.write_text(
            f"process relay {{ run {sys.executable} {relay} {self._fifo}; encoder text; }}\n"
            f"neighbor {DUT} {{\n"
            f"  router-id 10.0.0.2; local-address {FEEDER}; local-as {FEEDER_AS};"
            f" peer-as {DUT_AS}; connect {port};\n"
            f"  family {{ ipv4 unicast; ipv6 unicast; }}\n  {capability}\n"
            f"  api {{ processes [ relay ]; }}\n}}\n"
        )
        settings = {
            "exabgp.api.cli": "false",
            "exabgp.daemon.user": "root" if os.getuid() == 0 else "nobody",
            "exabgp.log.destination": "stdout",
        }
        super().__init__(folder, "exabgp", "exabgp", str(conf), **settings)

    def announce(self, prefix: str, path: str, *, path_id: int | None = None) -> str:
        """The command; ``path`` as ExaBGP writes it, AS_SETs in parentheses."""
        via = "2001:db8:ffff::1" if ":" in prefix else "192.0.2.1"
        identifier = "" if path_id is None else f" path-information {path_id}"
        return f"announce route {prefix} next-hop {via}{identifier} as-path [ {path} ]"

    def withdraw(self, prefix: str, *, path_id: int | None = None) -> str:
        via = "2001:db8:ffff::1" if ":" in prefix else "192.0.2.1"
        identifier = "" if path_id is None else f" path-information {path_id}"
        return f"withdraw route {prefix} next-hop {via}{identifier}"

    def tell(self, commands: Iterable[str]) -> None:
        self._fifo.write_text("".join(f"{command}\n" for command in commands))


class GoBgp(Program):
    """GoBGP, whose import policy refuses :data:`REJECTED`."""

    kinds = (TableKind.PRE_POLICY, TableKind.POST_POLICY, TableKind.LOC_RIB)
    says_end_of_rib = (TableKind.PRE_POLICY, TableKind.POST_POLICY)
    reports_refused = True
    says_who_is_down = False

    def __init__(self, folder: Path, bmp_port: int, *, add_path: bool = False) -> None:
        self.port, self._api = free_port(), free_port()
        conf = folder / "gobgpd.toml"
        conf.write_text(_gobgp_conf(self.port, bmp_port, add_path))
        super().__init__(
            folder, "gobgpd", "gobgpd", "-f", str(conf),
            "--api-hosts", f"{DUT}:{self._api}", "--pprof-disable",
        )  # fmt: skip

    def command(self, *words: str) -> Any:
        ran = subprocess.run(
            ["gobgp", "-u", DUT, "-p", str(self._api), *words],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
        answer = json.loads(ran.stdout) if "-j" in words and ran.stdout.startswith("{") else {}
        return {} if "error" in answer else answer

    def announce(self, prefix: str) -> None:
        """A route of its own, once it has read its configuration: before, it would forget it."""
        for _ in range(100):
            if self.log.read_text().count("Add a peer configuration") == self.starts:
                break
            time.sleep(0.1)
        self.command("global", "rib", "add", prefix)

    def reset_peer(self) -> None:
        self.command("neighbor", FEEDER, "reset")

    def table(self, kind: TableKind) -> set[Route]:
        routes: set[Route] = set()
        for family in ("ipv4", "ipv6"):
            if kind is TableKind.PRE_POLICY:
                listed = self.command("neighbor", FEEDER, "adj-in", "-a", family, "-j")
            else:
                listed = self.command("global", "rib", "-a", family, "-j")
            for prefix, paths in listed.items():
                for path in paths:
                    local = kind is TableKind.LOC_RIB
                    if kind is TableKind.POST_POLICY and path.get("neighbor-ip") != FEEDER:
                        continue
                    if local and not path["best"]:
                        continue
                    routes.add((str(Prefix.parse(prefix)), _gobgp_origin(path, local)))
        return routes


def _gobgp_origin(path: dict[str, Any], local: bool) -> int:
    for attribute in path["attrs"]:
        if attribute["type"] == 2 and attribute["as_paths"]:
            last = attribute["as_paths"][-1]
            return NO_ORIGIN if last["segment_type"] == 1 else int(last["asns"][-1])
    return DUT_AS if local else FEEDER_AS


class Frr(Program):
    """FRR's bgpd by itself, with its BMP module; the same import policy."""

    kinds = (TableKind.PRE_POLICY, TableKind.POST_POLICY)
    says_end_of_rib = kinds
    says_who_is_down = True
    """To a new BMP session it first sends a Peer Down for each peer that is not up yet."""
    reports_refused = False
    """FRR 8.4 sends nothing, pre-policy either, of a route that arrives and is refused: its BMP
    hangs on route processing, which such a route never reaches."""

    def __init__(self, folder: Path, bmp_port: int) -> None:
        self.port = free_port()
        self._sockets = folder / "vty"
        self._sockets.mkdir()
        conf = folder / "bgpd.conf"
        conf.write_text(_frr_conf(bmp_port))
        super().__init__(
            folder, "bgpd", FRR_BGPD, "-f", str(conf), "-M", "bmp", "-n", "-Z",
            "-p", str(self.port), "-l", DUT, "-P", "0", "-i", str(folder / "bgpd.pid"),
            "--vty_socket", str(self._sockets), "-S", "--log", "stdout",
        )  # fmt: skip

    def command(self, text: str) -> Any:
        ran = subprocess.run(
            ["vtysh", "--vty_socket", str(self._sockets), "-d", "bgpd", "-c", text],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
        return json.loads(ran.stdout) if ran.stdout.startswith("{") else {}

    def reset_peer(self) -> None:
        self.command("clear bgp *")

    def table(self, kind: TableKind) -> set[Route]:
        what = "received-routes" if kind is TableKind.PRE_POLICY else "routes"
        routes: set[Route] = set()
        for family in ("ipv4", "ipv6"):
            shown = self.command(f"show bgp {family} unicast neighbors {FEEDER} {what} json")
            for prefix, found in shown.get("receivedRoutes", shown.get("routes", {})).items():
                for path in found if isinstance(found, list) else [found]:
                    routes.add((str(Prefix.parse(prefix)), _frr_origin(path["path"])))
        return routes


def _frr_origin(path: str) -> int:
    words = path.split()
    if not words:
        return FEEDER_AS
    return NO_ORIGIN if words[-1].startswith("{") else int(words[-1])


def _gobgp_conf(port: int, bmp_port: int, add_path: bool) -> str:
    receive = "[neighbors.afi-safis.add-paths.config]\n receive = true\n" if add_path else ""
    families = "".join(
        f'[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\n afi-safi-name = "{name}"\n'
        + receive
        for name in ("ipv4-unicast", "ipv6-unicast")
    )
    return f"""
[global.config]
 as = {DUT_AS}
 router-id = "10.0.0.1"
 port = {port}
 local-address-list = ["{DUT}"]
[global.apply-policy.config]
 import-policy-list = ["refuse"]
 default-import-policy = "accept-route"
[[bmp-servers]]
[bmp-servers.config]
 address = "{DUT}"
 port = {bmp_port}
 route-monitoring-policy = "all"
[[neighbors]]
[neighbors.config]
 neighbor-address = "{FEEDER}"
 peer-as = {FEEDER_AS}
[neighbors.timers.config]
 idle-hold-time-after-reset = 1
[neighbors.transport.config]
 passive-mode = true
 local-address = "{DUT}"
{families}
[[defined-sets.prefix-sets]]
 prefix-set-name = "refused"
[[defined-sets.prefix-sets.prefix-list]]
 ip-prefix = "{REJECTED}"
 masklength-range = "24..32"
[[policy-definitions]]
 name = "refuse"
[[policy-definitions.statements]]
 name = "refuse"
[policy-definitions.statements.conditions.match-prefix-set]
 prefix-set = "refused"
 match-set-options = "any"
[policy-definitions.statements.actions]
 route-disposition = "reject-route"
"""


def _frr_conf(bmp_port: int) -> str:
    families = "".join(
        f" address-family {family} unicast\n  neighbor {FEEDER} activate\n"
        f"  neighbor {FEEDER} soft-reconfiguration inbound\n"
        + (f"  neighbor {FEEDER} route-map refuse in\n" if family == "ipv4" else "")
        + " exit-address-family\n"
        for family in ("ipv4", "ipv6")
    )
    monitors = "".join(
        f"  bmp monitor {family} unicast {kind}\n"
        for family in ("ipv4", "ipv6")
        for kind in ("pre-policy", "post-policy")
    )
    return f"""
ip prefix-list refused seq 5 permit {REJECTED} le 32
route-map refuse deny 10
 match ip address prefix-list refused
route-map refuse permit 20
router bgp {DUT_AS}
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor {FEEDER} remote-as {FEEDER_AS}
 neighbor {FEEDER} passive
 neighbor {FEEDER} disable-connected-check
{families} bmp targets test
{monitors}  bmp stats interval 1000
  bmp connect {DUT} port {bmp_port} min-retry 100 max-retry 1000
 exit
"""
