# SPDX-License-Identifier: BSD-2-Clause
"""What ntpq shows of a running daemon moves when it should: counters, events; and what the daemon is told at run time is done."""
import hashlib
import itertools
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

import pytest

import daemons
from lab import Lab, program, wait_until
from ntpwire import Control, ask, associations, read_variables, receive, request

pytestmark = pytest.mark.xdist_group("runtime")

OURS, OTHER, SHUT, LIMITED, NOWHERE, FRIEND = "192.0.2.1", "192.0.2.21", "192.0.2.22", "192.0.2.23", "203.0.113.9", "192.0.2.2"
A, RATE, DENY, UNSIGNED, LEAP, GOING, FAR = (f"192.0.2.{n}" for n in range(11, 18))
SECRET = "00112233445566778899aabbccddeeff00112233"
AES = "000102030405060708090a0b0c0d0e0f"
KEYS = f"7 SHA1 {SECRET}\n8 AES {AES}\n14 SHA1 {SECRET}\n"
POLL = "minpoll 0 maxpoll 0"
CONF = f"""
server {A} iburst {POLL}
server {FRIEND} iburst {POLL} xleave noselect
refclock sock path /run/clock.sock refid GPS {POLL} noselect
keys @KEYS@
trustedkey 7 8 14
controlkey 7
statsdir /var/lib/ntp/
statistics protostats
leapfile /var/lib/ntp/leap
restrict default
restrict {SHUT} noserve
restrict {LIMITED} limited kod
tos orphanwait 1
"""
# Expired, and true to its hash.
LEAPS = "#$ 3676924800\n#@ 3707596800\n2272060800 10\n2287785600 11\n"


def leap_file():
    digits = "".join(re.sub(r"\D", "", line) for line in LEAPS.splitlines())
    digest = hashlib.sha1(digits.encode()).hexdigest()
    return LEAPS + "#h " + " ".join(digest[i:i + 8] for i in range(0, 40, 8)) + "\n"


class World:
    def __init__(self, lab):
        up = lab.node("up", A, RATE, DENY, UNSIGNED, LEAP, GOING, FAR)
        self.server = daemons.TimeServer(up, {A: {"offset": 0.5}, RATE: {"kod": "RATE"}, DENY: {"kod": "DENY"}, UNSIGNED: {}, LEAP: {}, GOING: {},
                                              FAR: {"offset": 5000}})
        self.node, self.other = lab.node("ours", OURS), lab.node("other", OTHER, SHUT, LIMITED)
        assert self.other.run(["ip", "addr", "add", f"{NOWHERE}/32", "dev", "eth0"]).returncode == 0
        friend = lab.node("friend", FRIEND)
        daemons.ntpd(friend, "restrict default\ntos orphan 5 orphanwait 1\n", name="friend")
        assert self.node.run(["ip", "addr", "del", f"{OURS}/24", "dev", "eth0"]).returncode == 0
        assert self.node.run(["ip", "addr", "add", f"{OURS}/24", "brd", "+", "dev", "eth0"]).returncode == 0
        self.keys = self.node.dir / "keys"
        self.keys.write_text(KEYS)
        self.keys.chmod(0o600)
        (self.node.dir / "lib/ntp/leap").write_text(leap_file())
        self.daemon = daemons.ntpd(self.node, CONF.replace("@KEYS@", str(self.keys)))
        daemons.wait_synchronised(self.node)
        self.sequence = itertools.count(1)

    def variables(self, names="", assoc=0):
        # What is asked just after a flood may be lost in it.
        with self.node.socket() as sock:
            return next(v for v in (read_variables(sock, "127.0.0.1", assoc, names) for _ in range(5)) if v is not None)

    def ntpq(self, *commands, key=7):
        return self.node.run([program("ntpq"), "-n", "-k", self.keys, "-a", str(key), *[a for c in commands for a in ("-c", c)], "127.0.0.1"])

    def config(self, line):
        """The answer to a line, whatever line it was before."""
        data = f"{line} # {next(self.sequence)}".encode()
        with self.node.socket() as sock:
            sock.sendto(signed(Control(opcode=8, data=data).pack()), ("127.0.0.1", 123))
            answer, _ = receive(sock, 2)
        assert answer is not None, f"no answer to: {line}"
        head = Control.unpack(answer[:12 + struct.unpack("!H", answer[10:12])[0] + 3 & ~3])
        return head.status >> 8 if head.error else head.data.decode("latin-1").strip()

    def done(self, line):
        assert self.config(line) == "Config Succeeded", line

    def assoc(self, addr):
        with self.node.socket() as sock:
            return next(a for a in associations(sock, "127.0.0.1") if read_variables(sock, "127.0.0.1", a, "srcadr")["srcadr"] == addr)

    def send(self, octets, source=OTHER, host=OURS):
        with self.other.socket(socket.AF_INET, source) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(octets, (host, 123))
            return receive(sock, 0.3)[0]

    def sample(self, octets=None):
        """To the clock that listens on a socket."""
        now = time.time_ns()
        good = struct.pack("@lldiiii", now // 10**9, now % 10**9 // 1000, 0.0, 0, 0, 0, 0x534f434b)
        sock, place = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), os.getcwd()
        os.chdir(self.node.dir / "run")     # a socket's path has little room
        sock.sendto(octets or good, "clock.sock")
        os.chdir(place)

    def events(self):
        """(address, event, text) of protostats."""
        days = sorted((self.node.dir / "lib/ntp").glob("protostats.*"))
        lines = [line.split(maxsplit=6) for path in days for line in path.read_text().splitlines()]
        return [(w[2], w[5], w[6] if len(w) > 6 else "") for w in lines]


def signed(packet, key=7, digest=None, align=8):
    packet += bytes(-len(packet) % align)
    return packet + struct.pack("!I", key) + (digest or hashlib.sha1(bytes.fromhex(SECRET) + packet).digest())


@pytest.fixture(scope="module")
def world():
    with Lab("runtime") as lab:
        yield World(lab)


# ---- counters ----

def time_request(**fields):
    return request(**fields).pack()


def flood(world):
    """More than the kernel keeps for a daemon that stands still."""
    os.kill(world.daemon.pid, signal.SIGSTOP)
    try:
        with world.other.socket(socket.AF_INET, OTHER) as sock:
            for _ in range(3000):
                sock.sendto(time_request(), (OURS, 123))
    finally:
        os.kill(world.daemon.pid, signal.SIGCONT)


def strangers(world, lines):
    """Two that have not been heard before, to a list with these bounds."""
    world.done("mru " + lines)
    world.variables("leap")
    for source in (OTHER, SHUT, LIMITED):
        world.send(time_request(), source)


def good_request(world):
    assert len(world.send(signed(time_request()))) == 72, "answered with a MAC"


def wake_for_nothing(world):
    """A question that is refused by ICMP wakes its socket, and there is no packet."""
    world.done(f"server {OTHER} {POLL} noselect")
    time.sleep(1.5)
    world.done(f"unpeer {OTHER}")


# What is counted, and what makes it count; in this order, as the list of addresses is made anew by its bounds.
DRIVERS = [
    ("ss_received io_received ss_thisver io_sent io_wakeups io_goodwakeups io_pkt_reads mru_exists", lambda w: [w.send(time_request()) for _ in "ab"]),
    ("ss_oldver", lambda w: w.send(time_request(version=3))),
    ("ss_ver1 ss_ver1client", lambda w: w.send(time_request(version=1))),
    ("ss_ver1 ss_ver1zero", lambda w: w.send(time_request(version=1, mode=0))),
    ("ss_ver1 ss_ver1symm", lambda w: w.send(time_request(version=1, mode=1))),
    ("ss_badformat", lambda w: w.send(time_request()[:40])),
    ("ss_badauth authknotfound", lambda w: w.send(signed(time_request(), key=99))),
    ("ss_badauth authdecrypts authdigestdecrypts authdigestfails", lambda w: w.send(signed(time_request(), digest=bytes(20)))),
    ("ss_badauth authdecrypts authcmacdecrypts authcmacfails", lambda w: w.send(signed(time_request(), key=8, digest=bytes(16)))),
    ("authklookups authencrypts authdigestencrypts authdecrypts authdigestdecrypts", good_request),
    ("authcmacencrypts authcmacdecrypts", lambda w: w.ntpq("ifstats", key=8)),
    ("ss_declined", lambda w: w.send(time_request(mode=4))),
    ("ss_restricted", lambda w: w.send(time_request(), SHUT)),
    ("ss_limited ss_kodsent", lambda w: [w.send(time_request(), LIMITED) for _ in range(20)]),
    ("ss_processed timer_xmts", lambda w: time.sleep(1.5)),
    ("ss_numctlreq", lambda w: w.variables("leap")),
    ("io_ignored ss_restricted", lambda w: w.send(time_request(), OTHER, "192.0.2.255")),
    ("io_sendfailed", lambda w: w.send(time_request(), NOWHERE)),
    ("io_ref_reads", lambda w: w.sample()),
    ("io_wakeups io_pkt_reads", wake_for_nothing),
    ("mru_new mru_depth mru_deepest mru_hashslots", lambda w: strangers(w, "maxdepth 100 mindepth 50")),
    ("mru_recycleold", lambda w: (strangers(w, "maxdepth 100 mindepth 1 maxage 0"), time.sleep(0.1), w.send(time_request(), LIMITED), w.send(time_request()))),
    ("mru_none", lambda w: strangers(w, "maxdepth 1 mindepth 1 maxage 1000 minage 1000")),
    ("mru_maxdepth mru_mindepth mru_maxage mru_minage mru_maxmem", lambda w: strangers(w, "maxdepth 5000 mindepth 700 maxage 9999 minage 2000")),
    ("io_dropped", flood),
]
# Of what there is nothing to count here, and why.
NEVER = {
    "authfreek": "room for keys is not kept free", "authkuncached": "there is no cache", "authkexpired": "keys do not expire",
    "ss_lamport": "such replies are counted by association, as bogus", "ss_tsrounding": "there is no rounding",
    "rbuf_lowater": "a batch of buffers is all there is", "used_rbuf": "buffers are empty whenever somebody asks", "timer_overruns": "there is no tick",
    "mru_recyclefull": "by chance",
}
# Set or constant rather than counted, with tests of their own.
OTHERS = {"authreset", "authkeys", "iostats_reset", "total_rbuf", "free_rbuf", "ss_uptime", "ss_reset", "ss_reset_r", "timerstats_reset", "mru_enabled",
          "mru_oldest_age", "mru_mem", "ss_sent", "ss_sendfailed", "ss_dropped"}


@pytest.mark.parametrize("names, drive", DRIVERS, ids=[names.split()[-1] for names, _ in DRIVERS])
def test_each_counter_counts_what_it_is_for(world, names, drive):
    asked = ",".join(names.split())
    world.sequence = itertools.count(int(time.monotonic() * 1000))
    before = {k: int(v) for k, v in world.variables(asked).items()}
    if names.startswith("mru_") and "maxdepth" not in names:
        before = dict.fromkeys(before, 0)   # the list begins anew with its bounds
    drive(world)
    wait_until(lambda: all(int(v) > before[k] for k, v in world.variables(asked).items()), 3, f"all of {asked} have grown")


def test_no_counter_is_forgotten(world):
    listed = world.variables("sys_var_list")["sys_var_list"].strip('"').split(",")
    counters = {n for n in listed if re.match("(ss|io|mru|auth|timer|timerstats|iostats)_|auth[a-z]+$|.*_rbuf|rbuf_", n)} - {"authdelay"}
    driven = {name for names, _ in DRIVERS for name in names.split()}
    driven |= {f"{name}_r" for name in driven}
    sent = {"ss_sent_r", "ss_sendfailed_r", "ss_dropped_r"}
    assert counters - driven - NEVER.keys() - {f"{n}_r" for n in NEVER} - OTHERS - sent == set()
    assert set(NEVER) | OTHERS <= counters
    assert all(world.variables(name)[name] == "0" for name in NEVER if name != "mru_recyclefull")


def test_settings_are_shown_where_they_are_no_counters(world):
    world.done("broadcastdelay 0.008\nnonvolatile 5e-7")
    assert float(world.variables("bcastdelay")["bcastdelay"]) == 8
    assert int(world.variables("authkeys")["authkeys"]) == 3
    assert world.variables("mru_enabled")["mru_enabled"] == "0x3"
    assert "limit needs the list" in world.config("disable monitor")
    assert world.variables("mru_enabled")["mru_enabled"] == "0x3", "limited needs it"
    world.done(f"unrestrict {LIMITED}\ndisable monitor")
    assert world.variables("mru_enabled")["mru_enabled"] == "0x0"
    world.done(f"enable monitor\nrestrict {LIMITED} limited kod")


# ---- events ----

def wait_event(world, addr, event, timeout=15):
    wait_until(lambda: any(e[:2] == (addr, event) for e in world.events()), timeout, f"protostats has {event} of {addr}", interval=0.1)
    return [e for e in world.events() if e[:2] == (addr, event)]


def test_events_of_the_start(world):
    for event in ("restart", "freq_not_set", "clock_sync", "clock_step"):
        wait_event(world, "0.0.0.0", event)
    assert wait_event(world, "0.0.0.0", "clock_step")[0][2].startswith("+0.5")
    for event in ("mobilize", "reachable", "sys_peer"):
        wait_event(world, A, event)
    wait_event(world, FRIEND, "interleave_mode")


def last_event(world, addr):
    with world.node.socket() as sock:
        return associations(sock, "127.0.0.1")[world.assoc(addr)] & 15


@pytest.mark.parametrize("addr, options, event, code", [(RATE, "", "rate_exceeded", 7), (DENY, "", "access_denied", 8), (UNSIGNED, "key 7", "bad_auth", 12)])
def test_a_server_that_refuses_us_is_an_event(world, addr, options, event, code):
    world.done(f"server {addr} iburst {POLL} {options}")
    wait_event(world, addr, event)
    wait_until(lambda: last_event(world, addr) == code, 3, "the status word tells it")
    row = next(line for line in world.ntpq("associations").stdout.splitlines() if f" {world.assoc(addr)} " in line)
    assert event in row
    if event == "bad_auth":
        assert "pkt_auth" in world.ntpq(f"rv {world.assoc(addr)} flash").stdout
        assert " bad " in row, "authentication is bad"
        assert int(world.variables("badauth", world.assoc(addr))["badauth"]) > 0
    world.done(f"unpeer {addr}")
    wait_event(world, addr, "demobilize")


def test_a_server_that_announces_a_leap_second_is_an_event(world):
    world.done(f"server {LEAP} iburst {POLL} noselect")
    wait_event(world, LEAP, "reachable")
    world.server.set(LEAP, leap=1)
    wait_event(world, LEAP, "leap_armed")
    world.done(f"unpeer {LEAP}")


def test_a_server_that_falls_silent_is_an_event(world):
    world.done(f"server {GOING} iburst {POLL} noselect")
    wait_event(world, GOING, "reachable")
    world.server.set(GOING, drop=1)
    wait_event(world, GOING, "unreachable", 30)
    world.done(f"unpeer {GOING}")


def test_a_clock_that_talks_nonsense_is_an_event(world):
    for _ in range(3):
        world.sample()
    wait_event(world, "127.127.200.0", "reachable")
    world.sample(b"nonsense")
    wait_event(world, "127.127.200.0", "clock_event")


def test_a_leap_file_that_has_expired_is_an_event(world):
    path = world.node.dir / "lib/ntp/leap"
    path.write_text(leap_file() + "# again\n")
    world.daemon.popen.send_signal(signal.SIGHUP)
    wait_event(world, "0.0.0.0", "stale_leapsecond_values")


def test_an_offset_out_of_the_blue_is_a_spike_and_a_loss_is_told(world):
    wait_until(lambda: abs(daemons.offset_of(world.other, OURS) - 0.5) < 0.01, 20, "the clock follows")
    world.server.set(A, offset=1.5)
    assert re.match(r"[+-]\d\.\d{6} s$", wait_event(world, "0.0.0.0", "spike_detect")[0][2])
    assert abs(daemons.offset_of(world.other, OURS) - 0.5) < 0.05, "not followed"
    world.server.set(A, offset=0.5)
    wait_until(lambda: world.variables("peer")["peer"] != "0", 20, "it is over")
    world.server.set(A, stratum=16, leap=3)
    wait_event(world, "0.0.0.0", "no_sys_peer", 20)
    world.server.set(A, stratum=1, leap=0)
    wait_until(lambda: world.variables("leap")["leap"] == "0", 30, "and back again")


@pytest.mark.parametrize("args, addr, event, who", [([], FAR, "panic_stop", "0.0.0.0"), (["-q"], "192.0.2.99", "no_reply", "192.0.2.99")])
def test_the_last_event_of_a_daemon_that_ends(world, args, addr, event, who):
    place = world.other.dir / "lib/ntp"
    for path in place.glob("protostats*"):
        path.unlink()
    conf = world.other.dir / "short.conf"
    conf.write_text(f"server {addr} iburst {POLL}\nstatsdir /var/lib/ntp/\nstatistics protostats\n")
    world.other.run([program("ntpd"), "-n", "--software-clock", "-c", conf, *args], timeout=40)
    text = "".join(path.read_text() for path in place.glob("protostats.*"))
    assert re.search(rf"^\d+ \S+ {re.escape(who)} \S+ \S+ {event}", text, re.M), text


# ---- told at run time ----

def test_steering_ends_and_begins_again(world):
    wait_until(lambda: abs(daemons.offset_of(world.other, OURS) - 0.5) < 0.01, 20, "the clock follows")
    world.done("disable ntp")
    world.daemon.wait_log("the clock is not steered any more")
    world.server.set(A, offset=0.55)
    time.sleep(3)
    assert abs(daemons.offset_of(world.other, OURS) - 0.5) < 0.01, "the clock runs on by itself"
    newest = world.variables("filtoffset", world.assoc(A))["filtoffset"].strip('"').split()[0]
    assert 40 < float(newest) < 60, "the source is still measured"
    assert world.variables("leap")["leap"] == "0"
    world.done("enable ntp")
    world.daemon.wait_log("the clock is steered again")
    wait_until(lambda: daemons.offset_of(world.other, OURS) > 0.502, 30, "the clock follows again")
    # The file has it otherwise, and counts again when it is read.
    world.done("disable ntp")
    world.daemon.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: world.daemon.log().count("the clock is steered again") == 2, 10, "steered by the file's word")


def test_who_only_watches_the_clock_cannot_be_made_to_steer_it(world):
    keys = world.other.dir / "keys"
    keys.write_text(KEYS)
    keys.chmod(0o600)
    daemon = daemons.ntpd(world.other, f"disable ntp\nkeys {keys}\ntrustedkey 7\ncontrolkey 7\nserver {A} iburst\n", name="watch", software_clock=False, trace=True)
    daemons.wait_answers(world.other)
    result = world.other.run([program("ntpq"), "-k", keys, "-a", "7", "-c", ":config enable ntp", "127.0.0.1"])
    assert "takes effect at the next start" in result.stdout and "Config Succeeded" not in result.stdout
    time.sleep(1)
    daemon.stop()
    assert daemons.clock_attempts(world.other) == []


def examples():
    """{directive: example}, those last after which nobody may hear us."""
    path = pathlib.Path(program("ntpd")).parent / "tests/man/tables"
    rows = [line.split("\t") for line in subprocess.run([path, "bounds"], capture_output=True, text=True, check=True).stdout.splitlines()]
    found = {row[1]: row[5] for row in rows if row[0] == "line"}
    found["controlkey"] = "controlkey 7"
    return dict(sorted(found.items(), key=lambda item: item[0] in ("interface", "nic")))


def test_every_directive_is_answered_at_run_time(world):
    refused = []
    for name, line in examples().items():
        if name in ("interface", "nic"):
            line = f"{name} listen all"
        answer = world.config(line)
        assert isinstance(answer, str) and answer, line
        if not answer.startswith("Config Succeeded"):
            assert "\n" not in answer and (answer.startswith(line.split()[0]) or re.search("there is no|there already", answer)), (line, answer)
            refused.append(name)
        assert world.daemon.alive()
    # The clock of the example of fudge, what unpeer and unrestrict name, is not there; paths of filegen are refused.
    assert set(refused) <= {"clock", "crypto", "device", "driftfile", "includefile", "keys", "keysdir", "leapfile", "logfile", "nts", "ntpsigndsocket", "phone",
                            "pidfile", "rlimit", "saveconfigdir", "simulate", "statsdir", "tick", "workers", "filegen", "unpeer", "unconfig", "unrestrict",
                            "delrestrict", "fudge", "disable"}
    assert world.variables("leap") and world.send(time_request()) is not None
