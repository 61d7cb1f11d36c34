# SPDX-License-Identifier: BSD-2-Clause
"""Every configuration file of tests/corpus starts a daemon that has all the sources of the file.

The names in the files resolve to time servers of the test, and the addresses in them are addresses of that node, so that a source that
is listed is also one that answers.  What a file asks for is read here by a reader of its own, which knows nothing of ours.
"""
import dataclasses
import ipaddress
import itertools
import json
import re
import shlex

import pytest

import daemons
from lab import TOP, Lab, program, wait_until

pytestmark = pytest.mark.xdist_group("corpus")

CORPUS = TOP / "tests/corpus/ntp.conf"
FILES = sorted(CORPUS.glob("*.conf"))
SERVERS_EACH = 30       # addresses that one time server takes
POOL_SIZE = 2
MODES = ("server", "peer", "pool", "broadcast", "manycastclient", "refclock")

# Lines that ntpd does not take either; what is wrong with them is told (tests/config/test_corpus.c).
WRONG = {("russian-dc-typo", 2), ("gentoo-server", 16), ("samba-dc-mssntp", 2)}
# Files that open the daemon to questions from 127.0.0.1 but not from ::1, which ntpq asks first of localhost.
IPV4_ONLY = {"crux"}
# Directories under /var/log that files name and that a package makes.
PLACES = ("ntpstats", "ntp", "ntpsec")
# What ntpq calls reference clocks, by type and by NTPsec's word.
CLOCKS = {"1": "LOCAL", "11": "GPS_ARBITER", "20": "GPS_NMEA", "22": "PPS", "28": "SHM", "46": "GPSD_JSON",
          "local": "LOCAL", "arbiter": "GPS_ARBITER", "nmea": "GPS_NMEA", "pps": "PPS", "shm": "SHM", "gpsd": "GPSD_JSON"}


@dataclasses.dataclass(frozen=True)
class Source:
    mode: str
    host: str       # address, name, or 127.127.TYPE.UNIT
    line: int
    options: tuple

    @property
    def is_clock(self):
        return self.mode == "refclock" or self.host.startswith("127.127.")


def words_of(line):
    """Words up to a comment; quotes hold blanks."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.quotes, lexer.escape = True, "#", '"', ""
    return list(lexer)


def sources_of(path):
    found = {}
    for n, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = words_of(line) if not line.lstrip().startswith("#") else []
        if not words or words[0] not in MODES or (path.stem, n) in WRONG:
            continue
        rest = [w for w in words[1:] if w not in ("-4", "-6")]
        source = Source(words[0], rest[0].rstrip("."), n, tuple(rest[1:]))
        # The same server twice is one.
        found.setdefault((source.mode, source.host, source.options if source.mode == "refclock" else ()), source)
    return list(found.values())


def is_address(host):
    try:
        ipaddress.ip_address(host)
        return True
    except ValueError:
        return False


SOURCES = {path.stem: sources_of(path) for path in FILES}


def name_table():
    """Addresses for every name; those of a pool are several."""
    fresh = (f"198.51.100.{i}" for i in range(1, 255))
    table = {}
    for source in itertools.chain(*SOURCES.values()):
        if source.mode in ("server", "peer", "pool") and not is_address(source.host):
            wanted = POOL_SIZE if source.mode == "pool" else 1
            have = table.setdefault(source.host, [])
            have.extend(next(fresh) for _ in range(wanted - len(have)))
    return table


class Internet:
    """Every server that the files name, and one daemon for each file, all running."""

    def __init__(self, lab):
        self.lab, self.names = lab, name_table()
        literals = {s.host for s in itertools.chain(*SOURCES.values())
                    if is_address(s.host) and not s.is_clock and s.mode in ("server", "peer", "pool")}
        node = lab.node("internet", "192.0.2.53", "2001:db8::53")
        addrs = sorted({a for v in self.names.values() for a in v} | literals)
        self.put(node, addrs)
        daemons.Names(node, self.names)
        for i in range(0, len(addrs), SERVERS_EACH):
            daemons.TimeServer(node, {a: {"stratum": 2} for a in addrs[i:i + SERVERS_EACH]}, name=f"timeserver{i}")
        self.nodes, self.daemons = {}, {}
        for i, path in enumerate(FILES):
            self.start(path, f"n{i}", f"192.0.2.{100 + i}", f"2001:db8::{100 + i:x}")

    @staticmethod
    def put(node, addrs):
        """All the world behind one router, which is the servers' node."""
        node.run(["ip", "-batch", "-"], input="".join(f"addr add {a}/{128 if ':' in a else 32} dev lo nodad\n" if ":" in a else
                                                      f"addr add {a}/32 dev lo\n" for a in addrs))

    def start(self, path, name, addr, addr6):
        node = self.lab.node(name, addr, addr6)
        node.run(["sh", "-c", "ip route add default via 192.0.2.53 && ip -6 route add default via 2001:db8::53"])
        (node.dir / "etc/ntp.conf").write_bytes(path.read_bytes())
        # Where the file wants its log is a place of this daemon, not of the machine.
        made = "mount -t tmpfs tmpfs /var/log && cd /var/log && mkdir " + " ".join(PLACES)
        argv = ["sh", "-c", f'{made} && exec "$@"', "sh", program("ntpd"), "-n", "-l", "stderr", "-p", "/run/ntpd.pid",
                "-c", "/etc/ntp.conf", "--software-clock"]
        self.nodes[path.stem], self.daemons[path.stem] = node, node.start(argv, "ntpd")


@pytest.fixture(scope="module")
def internet():
    with Lab("corpus") as lab:
        yield Internet(lab)


def listing(node):
    """Rows of ntpq -p; [] while there are none."""
    result = node.run([program("ntpq"), "-4", "-n", "-p", "--json"])
    try:
        return json.loads(result.stdout)["rows"]
    except ValueError:
        return []


def clock_names(source):
    if source.mode == "refclock":
        unit = source.options[source.options.index("unit") + 1] if "unit" in source.options else "0"
        return {f"{CLOCKS[source.host]}({unit})"}
    kind, unit = source.host.split(".")[2:]
    return {f"{CLOCKS[kind]}({unit})", source.host}


def told(log, source):
    """Whether a remark says what comes of the line."""
    return re.search(rf"/etc/ntp\.conf:{source.line}:\d+: .*{re.escape(source.host)}|/etc/ntp\.conf:\d+:\d+: '{source.mode}' "
                     "has no effect yet", log) is not None


def maxclock(name):
    """What tos maxclock is in the file; ntpd's default is 10."""
    found = re.findall(r"^\s*tos\b.*\bmaxclock\s+(\d+)", (CORPUS / f"{name}.conf").read_text(errors="replace"), re.MULTILINE)
    return int(found[-1]) if found else 10


def missing(internet, name, rows):
    """Sources of the file that the listing lacks or that have not been heard; a reference clock need not be heard.

    A source that the file's own restrict lines shut out is not heard, as with ntpd, but listed; and the log says so.
    """
    heard = {r["remote"] for r in rows if r["reach"]}
    listed = {r["remote"] for r in rows}
    log = internet.daemons[name].log()
    heard |= {a for a in listed if f"({a}) is shut out: its replies are dropped" in log}
    # A pool brings no more servers once there are as many sources as are wanted.
    full = sum(1 for r in rows if r["type"] != "p") >= maxclock(name)
    for source in SOURCES[name]:
        if source.mode in ("server", "peer", "pool") and not source.is_clock:
            wanted = [source.host] if is_address(source.host) else internet.names[source.host]
            # Of two lines whose names have addresses in common each address is a source once.
            yield from (f"{source.host} ({a}) is not heard" for a in wanted[:1 if source.mode != "pool" else POOL_SIZE]
                        if a not in heard and not (full and source.mode == "pool" and a not in listed))
            if source.mode == "pool" and source.host not in listed:
                yield f"pool {source.host} is not listed"
        elif not (clock_names(source) if source.is_clock else {source.host}) & listed and not told(log, source):
            yield f"line {source.line}: {source.mode} {source.host} is neither listed nor said to be without effect"


def test_reader_of_the_test_finds_what_grep_finds():
    """Otherwise a file without sources would pass for one whose sources are all there."""
    assert len(FILES) == 45
    assert {name for name, sources in SOURCES.items() if not sources} == {"suse-ntpsec", "udel-malarky"}
    assert [s.host for s in SOURCES["esxi"]] == ["0.pool.ntp.org", "1.pool.ntp.org"]
    assert len(SOURCES["crlf-server"]) == 10 and len(SOURCES["gps-pps-ptp-shm"]) == 8


@pytest.mark.parametrize("name", SOURCES)
def test_file_starts_a_daemon_that_has_all_its_sources(internet, name):
    node, daemon = internet.nodes[name], internet.daemons[name]
    rows = []

    def look():
        rows[:] = listing(node)
        return not list(missing(internet, name, rows))
    try:
        daemons.wait_answers(node)
        wait_until(look, 30, "all sources are there", interval=0.5)
    except AssertionError:
        raise AssertionError("; ".join(missing(internet, name, rows)) + f"\n{daemon.log()}") from None
    assert daemon.alive()
    plain = node.run([program("ntpq"), "-p", *(["127.0.0.1"] if name in IPV4_ONLY else [])])
    assert plain.returncode == 0, plain
    assert len(plain.stdout.splitlines()) == (2 + len(rows) if rows else 0), plain
    if any(r["reach"] and r["type"] == "u" for r in rows):
        daemons.wait_synchronised(node, timeout=20)
