"""BIRD 2 beside us: a process with a configuration, control socket and port of its own.

It takes routes from :class:`bench.bgp_speaker.Speaker` and VRPs from an RTR cache, both on this
machine, and touches nothing of the system's: no kernel table, no privilege, no well-known port. It
is asked through ``birdc``, and ended by its process number.

What BIRD 2.0.12 does by itself (``filter/f-inst.c``, ``nest/a-path.c``): ``roa_check(table)`` takes
``bgp_path.last``, which is 0 if the path ends in an AS_SET, as AS 0 never matches there: RFC 6811's
NONE. It is 0 also if the path is empty, and the last AS of an AS_CONFED_SEQUENCE that ends it; RFC
6811 section 2 takes the speaker's own AS in these two cases. The function ``rov`` here does so.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.bgp_speaker import ASN
from bench.common import NotRun

_PROGRAMS = "bird", "birdc"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
STATES = {"ROA_VALID": "valid", "ROA_INVALID": "invalid", "ROA_UNKNOWN": "not-found"}
MARK = "preference = bgp_med; accept;"
"""An import filter that takes every route and shows its path identifier as its preference."""

_ROUTE = re.compile(r"^(\S*)\s+\S+ \[.*\] (?:\* )?\((\d+)")
_CONFIG = """
log "{log}" all;
router id 10.0.0.1;
roa4 table r4 {{ trie yes; min settle time 100 ms; max settle time 20 s; }};
roa6 table r6 {{ trie yes; min settle time 100 ms; max settle time 20 s; }};
ipv4 table t4;
ipv6 table t6;
protocol device {{ }}
protocol rpki cache {{
  roa4 {{ table r4; }}; roa6 {{ table r6; }};
  remote 127.0.0.1 port {cache};
  refresh keep 86400; retry keep 1; expire keep 172800;
}}
function rov_origin() {{ if bgp_path.len = 0 then return {asn}; return bgp_path.last; }}
function rov() {{
  if net.type = NET_IP4 then return roa_check(r4, net, rov_origin());
  return roa_check(r6, net, rov_origin());
}}
protocol bgp feed {{
  local 127.0.0.1 port {port} as {asn};
  neighbor 127.0.0.1 as {asn};
  confederation 64496; confederation member yes;
  multihop; passive; strict bind;
  ipv4 {{ table t4; import filter {{ {filter4} }}; export none; add paths rx; {more} }};
  ipv6 {{ table t6; import filter {{ {filter6} }}; export none; add paths rx; {more} }};
}}
"""


class Bird:
    """A BIRD that follows the RTR cache on port ``cache`` and listens for the speaker on ``port``.

    ``filters`` are the bodies of the import filters, IPv4 and IPv6. With ``follows``, BIRD keeps
    what it is sent and filters it all again when the VRPs have changed ("rpki reload").
    """

    def __init__(
        self,
        folder: Path,
        cache: int,
        filters: tuple[str, str] = (MARK, MARK),
        *,
        follows: bool = False,
    ) -> None:
        self._folder, self._control = folder, folder / "bird.ctl"
        self.port = free_port()
        more = "import table yes;" if follows else "rpki reload no;"
        (folder / "bird.conf").write_text(
            _CONFIG.format(
                log=folder / "bird.log", cache=cache, port=self.port, asn=ASN, more=more,
                filter4=filters[0], filter6=filters[1],
            )
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """
        Raises:
            NotRun: BIRD is not installed, or does not start.
        """
        program, self._client = bird_programs()
        self._process = subprocess.Popen(
            [program, "-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid"],
            cwd=self._folder,
        )
        end = time.monotonic() + 20
        while not self._control.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__(None, None, None)
                raise NotRun("BIRD does not start")
            time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ask(self, command: str) -> str:
        """The answer to a command of ``birdc``."""
        done = subprocess.run(
            [self._client, "-s", "bird.ctl", command],
            cwd=self._folder, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.stdout

    def serial(self) -> int:
        """The serial of the last complete update from the cache; -1 before there is one."""
        found = re.search(r"Serial number:\s+(\d+)", self.ask("show protocols all cache"))
        return int(found[1]) if found else -1

    def imported(self) -> int:
        """How many routes the filters have let in: both families."""
        shown = self.ask("show protocols all feed")
        return sum(int(count) for count in re.findall(r"Routes:\s+(\d+) imported", shown))

    def states(self) -> dict[tuple[str, int], str]:
        """The state of every route, by prefix and path identifier. The filter must be ``MARK``."""
        states: dict[tuple[str, int], str] = {}
        for table in ("t4", "t6"):
            for theirs, ours in STATES.items():
                prefix = ""
                answer = self.ask(f"show route table {table} where rov() = {theirs}")
                for line in answer.splitlines():
                    if found := _ROUTE.match(line):
                        prefix = found[1] or prefix
                        states[prefix, int(found[2])] = ours
        return states

    def cpu_seconds(self) -> float:
        """What it has computed since it began (Linux)."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def bird_programs() -> tuple[str, str]:
    """The daemon and its client. Debian keeps them where only root's path leads.

    Raises:
        NotRun: BIRD is not installed.
    """
    found = [shutil.which(name, path=_PATH) for name in _PROGRAMS]
    daemon, client = found
    if daemon is None or client is None:
        raise NotRun("no BIRD here: apt install bird2")
    return daemon, client


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port
