# SPDX-License-Identifier: BSD-2-Clause
"""Each directive that is changed in the file is in force after SIGHUP, or the log says in a line that it waits for the next start.

Rows of one set share a daemon, whose file changes once: from all lines before to all lines after.  What a row sees must not be so before.
"""
import dataclasses
import hashlib
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import time

import pytest

import daemons
from lab import BUILD, TOP, Lab, program, wait_until
from ntpwire import MODE_BROADCAST, ControlError, Packet, ask, associations, ntp_time, read_variables, receive, request
from test_leap import PAST, listing

OURS, SECOND, FORGER = "192.0.2.1", "192.0.2.2", "192.0.2.31"
A, B, C, D, E = (f"192.0.2.{i}" for i in range(11, 16))
X = [f"192.0.2.{i}" for i in range(101, 110)]    # who asks, each under a rule of his own
IP_RECVTTL = 12  # linux/in.h
SECRET = "00112233445566778899aabbccddeeff0011"
WAITS = "has changed: it takes effect at the next start"


class World:
    """A daemon that has a server, somebody who asks it from many addresses, and what can be seen of it."""

    def __init__(self, lab, rows):
        daemons.TimeServer(lab.node("up", A), {A: {}})
        self.node = self.broadcast_node(lab, "ours", OURS, SECOND)
        self.asker = self.broadcast_node(lab, "asker", FORGER, *X)
        for name, keys in (("one", [1]), ("two", [1, 7, 8])):
            path = self.node.dir / f"keys.{name}"
            path.write_text("".join(f"{key} SHA1 {SECRET}\n" for key in keys))
            path.chmod(0o600)
        (self.node.dir / "stats").mkdir()
        (self.node.dir / "saved").mkdir()
        (self.node.dir / "more.conf").write_text("setvar included = yes\n")
        (self.node.dir / "leaps").write_text(listing(PAST, time.time() + 100 * 86400))
        self.conf = self.node.dir / "ntp.conf"
        self.write(rows, "before")
        self.process = self.node.start([program("ntpd"), "-n", "-c", self.conf], "ntpd")
        daemons.wait_synchronised(self.node)

    @staticmethod
    def broadcast_node(lab, name, addr, *more):
        node = lab.node(name, addr, *more)
        node.run(["ip", "addr", "del", f"{addr}/24", "dev", "eth0"])
        node.run(["ip", "addr", "add", f"{addr}/24", "brd", "192.0.2.255", "dev", "eth0"])
        for other in more:
            node.run(["ip", "addr", "replace", f"{other}/24", "dev", "eth0"])
        node.run(["ip", "route", "add", "224.0.0.0/4", "dev", "eth0"])
        return node

    def write(self, rows, when):
        lines = "".join(getattr(row, when).replace("@", str(self.node.dir)) + "\n" for row in rows)
        self.conf.write_text(f"clock software\nserver {A} iburst minpoll 1 maxpoll 2\nrestrict default\n" + lines)

    def reload(self, rows):
        self.write(rows, "after")
        self.process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration read again" in self.log(), 10, self.log())

    def log(self):
        other = self.node.dir / "log"
        return self.process.log() + (other.read_text() if other.exists() else "")

    def peers(self):
        return daemons.try_peers(self.node, "127.0.0.1")

    def has(self, remote, **wanted):
        row = self.peers().get(remote)
        return row is not None and all(getattr(row, name) == value for name, value in wanted.items())

    def lacks(self, remote):
        return A in (found := self.peers()) and remote not in found

    def rv(self, name, assoc=0):
        with self.node.socket() as sock:
            try:
                return (read_variables(sock, "127.0.0.1", assoc, name) or {}).get(name, "")
            except ControlError:    # no variable of that name
                return ""

    def assoc(self, addr, name):
        with self.node.socket() as sock:
            for number in associations(sock, "127.0.0.1"):
                found = read_variables(sock, "127.0.0.1", number)
                if found["srcadr"] == addr:
                    return found.get(name)
        return None

    def serves(self, source, count=1, host=OURS):
        """How many of so many requests from that address are answered."""
        with self.asker.socket(source=source) as sock:
            return sum(ask(sock, host, timeout=0.2, tries=1) is not None for _ in range(count))

    def signs(self, key):
        packet = request().pack()
        mac = struct.pack("!I", key) + hashlib.sha1(bytes.fromhex(SECRET) + packet).digest()
        with self.asker.socket(source=X[0]) as sock:
            sock.sendto(packet + mac, (OURS, 123))
            return len(receive(sock, 0.5)[0] or b"") == 72

    def ntpq(self, *commands):
        argv = [program("ntpq"), "-k", self.node.dir / "keys.two", "-a", "7"]
        return self.node.run(argv + [word for c in commands for word in ("-c", c)] + ["127.0.0.1"]).stdout

    def heard(self, **fields):
        """Whether a broadcast makes its sender a source."""
        packet = Packet(mode=MODE_BROADCAST, stratum=1, poll=4, precision=-20, refid=b"GPS\0", transmit=ntp_time(time.time_ns()), **fields)
        with self.asker.socket(source=(FORGER, 123)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(packet.pack(), ("192.0.2.255", 123))
        time.sleep(0.1)
        return f"{FORGER} is a broadcast server we listen to" in self.log()    # for as long as it answers

    def joined(self, group):
        return group in self.node.run(["ip", "maddr", "show", "dev", "eth0"]).stdout

    def mark(self, option, source):
        """An octet of the header of a reply."""
        with self.asker.socket(source=source) as sock:
            sock.setsockopt(socket.IPPROTO_IP, option, 1)
            sock.sendto(request().pack(), (OURS, 123))
            return self.ancillary(sock)

    @staticmethod
    def ancillary(sock, timeout=1):
        if not select.select([sock], [], [], timeout)[0]:
            return None
        return next((data[0] for level, kind, data in sock.recvmsg(1024, 1024)[1] if level == socket.IPPROTO_IP and kind in (socket.IP_TOS, socket.IP_TTL)), None)

    def ttl_of(self, group):
        with self.asker.socket(source=(group, 123)) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(FORGER))
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            return self.ancillary(sock, 4)

    def file(self, name):
        return any(path.stat().st_size > 0 for path in (self.node.dir / "stats").glob(name))

    def saves(self):
        self.ntpq("saveconfig kept")
        return (self.node.dir / "saved/kept").exists()


@dataclasses.dataclass(frozen=True)
class Row:
    directive: str
    before: str
    after: str
    see: object


def waits(what):
    return lambda w: f"{what} {WAITS}" in w.log()


SOURCES = [
    Row("server", "", f"server {B}", lambda w: w.has(B, type="u")),
    Row("pool", "", f"pool {C}", lambda w: w.has(C)),
    Row("peer", "", f"peer {D}", lambda w: w.has(D)),
    Row("broadcast", "", "broadcast 224.0.1.1 minpoll 1", lambda w: w.has("224.0.1.1")),
    Row("manycastclient", "", "manycastclient 239.1.1.1", lambda w: w.has("239.1.1.1", type="a")),
    Row("unpeer", f"server {E}", f"server {E}\nunpeer {E}", lambda w: w.lacks(E)),
    Row("unconfig", "server 192.0.2.16", "server 192.0.2.16\nunconfig 192.0.2.16", lambda w: w.lacks("192.0.2.16")),
    Row("refclock", "", "refclock local unit 3", lambda w: w.has("LOCAL(3)")),
    Row("fudge", "server 127.127.1.4", "server 127.127.1.4\nfudge 127.127.1.4 stratum 9", lambda w: w.has("LOCAL(4)", stratum=9)),
    Row("device", "server 127.127.20.2", "server 127.127.20.2\ndevice 127.127.20.2 timedata /dev/reload.3",
        lambda w: any("/dev/reload.3" in w.ntpq(f"cv &{i} device") for i in range(1, 12))),
    Row("ttl", "broadcast 224.0.1.2 minpoll 1 ttl 1\nttl 1 32", "broadcast 224.0.1.2 minpoll 1 ttl 1\nttl 1 7", lambda w: w.ttl_of("224.0.1.2") == 7),
    Row("broadcastclient", "disable auth", "disable auth\nbroadcastclient", World.heard),
    Row("multicastclient", "", "multicastclient 224.0.1.99", lambda w: w.joined("224.0.1.99")),
    Row("manycastserver", "", "manycastserver 239.1.1.9", lambda w: w.joined("239.1.1.9")),
    Row("broadcastdelay", "", "broadcastdelay 0.004", lambda w: w.rv("bcastdelay") == "4.000"),
    Row("tinker", "", "tinker dispersion 90000", lambda w: float(w.rv("rootdisp")) > 60),
    Row("nts", "", "nts enable", lambda w: "nts enable: it takes effect at the next start" in w.log()),
    Row("disable", "", "disable monitor", lambda w: int(w.rv("mru_enabled"), 0) == 0),
]

SERVING = [
    Row("restrict", "", f"restrict {X[0]} noquery\nrestrict {X[1]} ignore", lambda w: not w.serves(X[1])),
    Row("unrestrict", f"restrict {X[2]} ignore", f"restrict {X[2]} ignore\nunrestrict {X[2]}", lambda w: w.serves(X[2])),
    Row("delrestrict", f"restrict {X[3]} ignore", f"restrict {X[3]} ignore\ndelrestrict {X[3]}", lambda w: w.serves(X[3])),
    Row("discard", f"restrict {X[4]} limited\ndiscard minimum 0 average 0", f"restrict {X[4]} limited\ndiscard minimum 60", lambda w: w.serves(X[4], 20) < 20),
    Row("mru", "", "mru mindepth 77", lambda w: w.rv("mru_mindepth") == "77"),
    Row("keys", "keys @/keys.one", "keys @/keys.two", lambda w: w.rv("authkeys") == "3"),
    Row("trustedkey", "trustedkey 1", "trustedkey 1 7", lambda w: w.signs(7)),
    Row("controlkey", "", "controlkey 7", lambda w: "Succeeded" in w.ntpq(":config setvar changed = yes")),
    Row("saveconfigdir", "", "saveconfigdir @/saved", World.saves),
    Row("tos", "", "tos floor 3", lambda w: int(w.assoc(A, "flash"), 0) & 0x200),
    Row("dscp", "", "dscp 10", lambda w: w.mark(socket.IP_RECVTOS, X[5]) == 10 << 2),
    Row("setvar", "", "setvar colour = green", lambda w: w.rv("colour") == "green"),
    Row("reset", "", "reset sys", lambda w: int(w.rv("ss_reset")) < int(w.rv("ss_uptime"))),
    Row("interface", "", f"interface listen {OURS}", lambda w: w.serves(X[6]) and not w.serves(X[6], host=SECOND)),
]

FILES = [
    Row("limit", f"restrict {X[4]} limited\nlimit average 1000 burst 1", f"restrict {X[4]} limited\nlimit average 0.1 burst 20", lambda w: w.serves(X[4], 20) < 20),
    Row("enable", "", "enable bclient\ndisable auth", World.heard),
    Row("nic", "", f"nic listen {OURS}", lambda w: w.serves(X[6]) and not w.serves(X[6], host=SECOND)),
    Row("leapfile", "", "leapfile @/leaps", lambda w: w.rv("leapsec") == "201701010000"),
    Row("leapsmearinterval", "", "leapsmearinterval 3600", lambda w: w.rv("leapsmearinterval") == "3600"),
    Row("statsdir", "", "statsdir @/stats/", lambda w: w.file("*")),
    Row("statistics", "", "statistics loopstats", lambda w: w.file("loopstats*")),
    Row("filegen", "", "filegen peerstats file peers type none enable", lambda w: w.file("peers")),
    Row("includefile", "", "includefile @/more.conf", lambda w: w.rv("included") == "yes"),
    Row("logfile", "", "logfile @/log", lambda w: (w.node.dir / "log").exists() and "read again" in (w.node.dir / "log").read_text()),
    Row("clock", "", "clock kernel", waits("clock")),
    Row("tick", "", "tick 0.001", waits("tick")),
    Row("workers", "", "workers 2", waits("workers")),
    Row("rlimit", "", "rlimit filenum 500", waits("rlimit")),
    Row("pidfile", "", "pidfile @/pid", waits("pidfile")),
    Row("disable", "", "disable ntp", lambda w: "the clock is not steered any more" in w.log()),
    Row("tinker", "", "tinker freq 3", waits("tinker freq")),
    # The last line: what stands behind it is not read any more.
    Row("end", "setvar behind = yes", "end\nsetvar behind = yes", lambda w: not w.rv("behind")),
]

SETS = {"sources": SOURCES, "serving": SERVING, "files": FILES}

# What cannot be seen so soon, or wants a world of its own.
ELSEWHERE = {
    "extra": "tests/net/test_server.py::test_extra_port_is_served_beside_123",
    "ntpsigndsocket": "tests/net/test_mssntp.py::test_without_samba_there_is_no_reply_and_a_line_in_the_log",
    "logconfig": "tests/net/test_log.py::test_sighup_takes_other_classes_and_hourly_lines_come_at_the_end",
    "phone": "tests/net/test_receivers.py::test_another_number_is_called_after_a_reload",
    "driftfile": "tests/net/test_reload_each.py::test_another_drift_file_gets_the_frequency",
    "nonvolatile": "tests/daemon/test_driftfile.c::a_change_of_the_threshold_is_due_and_a_smaller_one_once_it_was_halved_enough",
    "pollskewlist": "tests/client/test_assoc.c::polls_are_as_early_and_late_as_the_pollskewlist_has_it",
}


@pytest.fixture(scope="module")
def made():
    """The world of a set, reloaded; made when the first of its rows is looked at."""
    worlds, labs = {}, []

    def get(name):
        if name not in worlds:
            worlds[name] = None, "it could not be made"
            lab = Lab(f"reload_{name}")
            labs.append(lab)
            world = World(lab, SETS[name])
            early = [row.directive for row in SETS[name] if row.see(world)]
            world.reload(SETS[name])
            worlds[name] = world, early
        return worlds[name]
    yield get
    for lab in labs:
        lab.close()


@pytest.mark.parametrize("name, row", [pytest.param(name, row, marks=pytest.mark.xdist_group(f"reload_{name}"))
                                       for name, rows in SETS.items() for row in rows],
                         ids=[f"{name}-{row.directive}-{i}" for name, rows in SETS.items() for i, row in enumerate(rows)])
def test_directive_is_in_force_after_sighup_or_said_to_wait(made, name, row):
    world, early = made(name)
    assert world is not None, early
    assert row.directive not in early, "it was so before"
    wait_until(lambda: row.see(world), 30, f"{row.after}; {world.log()[-2000:]}")


def test_another_drift_file_gets_the_frequency(lab):
    daemons.TimeServer(lab.node("up", A), {A: {}})
    node = lab.node("ours", OURS)
    (node.dir / "drift").write_text("12.000\n")
    process = daemons.ntpd(node, f"server {A} iburst minpoll 1 maxpoll 1\ndriftfile {node.dir}/drift\n")
    daemons.wait_synchronised(node)
    (node.dir / "ntpd.conf").write_text(f"server {A} iburst minpoll 1 maxpoll 1\ndriftfile {node.dir}/other\nnonvolatile 1e-12\n")
    process.popen.send_signal(signal.SIGHUP)
    process.wait_log("configuration read again", 5)
    time.sleep(3)
    assert process.stop() == 0
    assert (node.dir / "other").exists() and re.fullmatch(r"-?\d+\.\d+\n", (node.dir / "other").read_text())


def test_no_directive_is_left_out():
    text = subprocess.run([BUILD / "tests/man/tables"], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in text.splitlines() if line.startswith("directive\t")]
    live = {row[1] for row in rows if row[2] == "in force"}
    assert live - {row.directive for rows in SETS.values() for row in rows} == set(ELSEWHERE)
    for test in ELSEWHERE.values():
        path, name = test.split("::")
        assert re.search(rf"\b{name}\b", (TOP / pathlib.Path(path)).read_text()), test
