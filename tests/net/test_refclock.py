# SPDX-License-Identifier: BSD-2-Clause
"""Reference clocks and orphan mode: what a daemon does that has no server to follow."""
import ctypes
import functools
import operator
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import time

import daemons
import pytest
from lab import HERE, OUTPUT, program, wait_until

A, B, C = "192.0.2.11", "192.0.2.12", "192.0.2.13"
SERVER = "192.0.2.21"
OPEN = "restrict default\n"

with open(program("ntpd"), "rb") as binary:
    SANITIZED = b"__asan_init" in binary.read()
# All that the drivers do must be allowed there; a sanitizer's runtime needs more.
SANDBOX = [] if SANITIZED else ["--sandbox"]


def ntpq(node, *args):
    result = node.run([program("ntpq"), "-n", *args])
    assert result.returncode == 0, result.stderr
    return result.stdout


def variables(text):
    return dict(re.findall(r'(\w+)=("[^"]*"|[^,\s]*)', text))


def state(node, host="127.0.0.1"):
    with node.socket() as sock:
        return daemons.ask(sock, host, tries=2)


# ---- LOCAL ----

@pytest.mark.parametrize("lines", ["server 127.127.1.0\nfudge 127.127.1.0 stratum 10 refid HERE\n", "refclock local stratum 10 refid HERE\n"])
def test_local_clock_serves_after_orphanwait(lab, lines):
    node = lab.node("ours", A)
    client = lab.node("client", B)
    process = daemons.ntpd(node, lines + "tos orphanwait 6\n" + OPEN)
    daemons.wait_answers(node)
    assert state(node).stratum == 0 and process.age() < 6, "it claims to know the time at once"
    wait_until(lambda: state(node).stratum == 11, 10, "served at a stratum above the clock's")
    assert process.age() >= 6
    row = daemons.peers(node)["LOCAL(0)"]
    assert (row.tally, row.refid, row.stratum, row.type, row.poll) == ("*", ".HERE.", 10, "l", "64")
    assert (row.delay, row.offset, row.jitter) == (0, 0, 0) and row.reach & 1
    assert "synchronised to local net at stratum 11" in node.run([program("ntpstat")]).stdout
    rv = variables(ntpq(node, "-c", "rv"))
    assert rv["refid"] == "LOCAL(0)" and rv["leap"] == "00"
    daemons.ntpd(client, f"server {A} iburst\n")
    daemons.wait_synchronised(client)
    row = daemons.peers(client)[A]
    assert (row.tally, row.refid, row.stratum) == ("*", "LOCAL(0)", 11)


def test_clock_variables_are_those_of_the_clock(lab):
    node = lab.node("ours", A, SERVER)
    daemons.ntpd(node, f"server {SERVER}\nserver 127.127.1.3 mode 7\nfudge 127.127.1.3 time1 0.25 time2 0.5 stratum 12 flag2 1 flag3 1 minjitter 0.001\n")
    wait_until(lambda: daemons.try_peers(node).get("LOCAL(3)") and daemons.peers(node)["LOCAL(3)"].reach, 10, "the clock is read")
    text = ntpq(node, "-c", "cv")
    assert text.startswith("associd=0 status=0000 no events, clk_unspec,")
    cv = variables(text)
    assert (cv["name"], cv["fudgetime1"], cv["fudgetime2"], cv["stratum"], cv["refid"], cv["flags"], cv["minjitter"], cv["noreply"]) == \
        ('"LOCAL"', "250.000", "500.000", "12", "LOCL", "6", "1.000", "0")
    assert int(cv["poll"]) >= 1
    assert variables(ntpq(node, "-c", "cv &2 type"))["type"] == "1"
    assert variables(ntpq(node, "-c", "rv &2 ttl"))["ttl"] == "7"
    result = node.run([program("ntpq"), "-n", "-c", "cv &1"])
    assert "***" in result.stdout + result.stderr, "a server has clock variables"


def test_a_server_is_followed_rather_than_the_local_clock(lab):
    up = lab.node("up", SERVER)
    node = lab.node("ours", A)
    server = daemons.TimeServer(up, {SERVER: {"drop": 1}})
    daemons.ntpd(node, f"server {SERVER} minpoll 1 maxpoll 1\nserver 127.127.1.0\ntos orphanwait 4\n" + OPEN)
    wait_until(lambda: (daemons.wait_answers(node)).stratum == 6, 25, "LOCAL serves")
    server.set(SERVER, drop=0)
    wait_until(lambda: daemons.peers(node)[SERVER].tally == "*", 40, "the server is followed")
    assert state(node).stratum == 2
    assert daemons.peers(node)["LOCAL(0)"].tally == " "


def test_statistics_have_records_of_the_clock(lab):
    node = lab.node("ours", A)
    (node.dir / "stats").mkdir()
    daemons.ntpd(node, f"server 127.127.1.0\ntos orphanwait 2\nstatsdir {node.dir}/stats/\nstatistics peerstats protostats\n")
    wait_until(lambda: (node.dir / "stats/peerstats").exists(), 10, "a record")
    fields = (node.dir / "stats/peerstats").read_text().splitlines()[0].split()
    assert fields[2] == "127.127.1.0" and len(fields) == 8 and fields[4] == "0.000000000"
    wait_until(lambda: re.search(r" 127\.127\.1\.0 \S+ 8a sys_peer", (node.dir / "stats/protostats").read_text()), 10, "it becomes system peer")


def test_reload_keeps_a_clock_that_did_not_change(lab):
    node = lab.node("ours", A)
    process = daemons.ntpd(node, "server 127.127.1.0\nserver 127.127.1.1\n")
    wait_until(lambda: len(daemons.try_peers(node)) == 2, 5, "both are there")
    polled = int(variables(ntpq(node, "-c", "cv &1"))["poll"])
    (node.dir / "ntpd.conf").write_text("server 127.127.1.0\nserver 127.127.1.1\nfudge 127.127.1.1 stratum 9\nserver 127.127.1.2\n")
    process.popen.send_signal(signal.SIGHUP)
    process.wait_log("1 sources kept, 2 added, 1 removed")
    rows = daemons.peers(node)
    assert {name: row.stratum for name, row in rows.items()} == {"LOCAL(0)": 5, "LOCAL(1)": 9, "LOCAL(2)": 5}
    assert int(variables(ntpq(node, "-c", "cv &1"))["poll"]) >= polled > 0


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's runtime does what the sandbox forbids")
def test_a_clock_that_the_sandbox_does_not_know_waits_for_the_next_start(lab):
    node = lab.node("ours", A)
    process = daemons.ntpd(node, "server 127.127.1.0\n", *SANDBOX)
    wait_until(lambda: daemons.try_peers(node), 5, "the clock is there")
    (node.dir / "ntpd.conf").write_text("server 127.127.1.0\nserver 127.127.1.1\nrefclock shm unit 224\nrefclock gpsd\nrefclock nmea\nrefclock pps\n"
                                        "refclock sock path /run/clock.sock\n")
    process.popen.send_signal(signal.SIGHUP)
    process.wait_log("1 sources kept, 2 added, 0 removed")
    assert process.log().count("the sandbox was made without it") == 4
    assert set(daemons.peers(node)) == {"LOCAL(0)", "LOCAL(1)", "SOCK(0)"}


# ---- orphans ----

def orphan(lab, name, addr, others, more=""):
    node = lab.node(name, addr)
    servers = "".join(f"server {o} iburst minpoll 1 maxpoll 1\n" for o in others)
    return node, daemons.ntpd(node, servers + "tos orphan 6 orphanwait 5\n" + OPEN + more)


def test_orphans_elect_the_lowest_and_clients_follow(lab):
    nodes = {a: orphan(lab, name, a, [o for o in (A, B, C) if o != a])
             for name, a in (("a", A), ("b", B), ("c", C))}
    client = lab.node("client", "192.0.2.14")
    daemons.ntpd(client, f"server {A} iburst minpoll 1 maxpoll 1\n")
    for node, _ in nodes.values():
        daemons.wait_answers(node)
    wait_until(lambda: state(nodes[A][0]).stratum == 6, 30, "the lowest is parent")
    for a in (B, C):
        wait_until(lambda: daemons.peers(nodes[a][0])[A].tally == "*" and state(nodes[a][0]).stratum == 7, 30, f"{a} follows the parent")
    rv = variables(ntpq(nodes[A][0], "-c", "rv"))
    assert (rv["refid"], rv["rootdelay"], rv["peer"], rv["leap"]) == ("127.0.0.1", "0.000", "0", "00")
    assert daemons.peers(nodes[B][0])[A].refid == "127.0.0.1"
    wait_until(lambda: daemons.peers(client)[A].tally == "*", 30, "a client follows the parent")
    # The parent goes: the next in line takes its place.
    nodes[A][1].stop()
    wait_until(lambda: daemons.peers(nodes[C][0])[B].tally == "*" and state(nodes[B][0]).stratum == 6, 60, "the next is parent")
    assert variables(ntpq(nodes[B][0], "-c", "rv"))["refid"] == "127.0.0.1"


def test_loss_of_the_last_source_begins_orphan_mode_and_its_return_ends_it(lab):
    up = lab.node("up", SERVER)
    server = daemons.TimeServer(up, {SERVER: {}})
    node, process = orphan(lab, "a", A, [SERVER])
    wait_until(lambda: daemons.wait_answers(node).stratum == 2, 20, "the server is followed")
    server.set(SERVER, leap=3, stratum=0)
    process.wait_log("no source can be used: serving the time of this machine's clock at stratum 6", timeout=40)
    assert state(node).stratum == 6 and state(node).leap == 0
    server.set(SERVER, leap=0, stratum=1)
    wait_until(lambda: state(node).stratum == 2, 20, "the server is followed again")


# ---- SHM ----

class Segment:
    """The writing end of a shared memory clock, as gpsd has it."""
    LAYOUT = struct.Struct("@ii l i4x l iiii i II8i4x")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p

    def __init__(self, unit, mode=0o600):
        self.id = self.libc.shmget(0x4e545030 + unit, self.LAYOUT.size, 0o1000 | mode)
        assert self.id != -1, os.strerror(ctypes.get_errno())
        self.at = self.libc.shmat(self.id, None, 0)

    def write(self, offset=0.0, age=0.0, leap=0, mode=1):
        """Says that the host's clock is behind by offset."""
        receive = time.time_ns() - int(age * 1e9)
        clock = receive + round(offset * 1e9)
        fields = [mode, self.count() + 1, clock // 10**9, clock % 10**9 // 1000, receive // 10**9, receive % 10**9 // 1000, leap, -20, 3, 1,
                  clock % 10**9, receive % 10**9] + [0] * 8
        ctypes.memmove(self.at, self.LAYOUT.pack(*fields), self.LAYOUT.size)

    def count(self):
        return ctypes.c_int.from_address(self.at + 4).value

    def remove(self):
        self.libc.shmctl(self.id, 0, None)


@pytest.fixture
def segment(request):
    """A segment of a unit that no real daemon uses."""
    made = Segment(*request.param)
    yield made
    made.remove()


def feed(node, seg, offset, until, timeout=40, **more):
    """Writes a sample twice a second until something is true."""
    def look():
        seg.write(offset, **more)
        return until()
    return wait_until(look, timeout, "the shared memory clock is heard", interval=0.5)


@pytest.mark.parametrize("segment", [(221,)], indirect=True)
def test_shared_memory_sets_the_clock_and_makes_us_primary(lab, segment):
    node = lab.node("ours", A)
    (node.dir / "stats").mkdir()
    process = daemons.ntpd(node, "server 127.127.28.221 minpoll 2 mode 1 prefer\nfudge 127.127.28.221 refid GPS time1 0.05 flag4 1\n"
                           f"statsdir {node.dir}/stats/\nstatistics clockstats\n" + OPEN, *SANDBOX)
    feed(node, segment, 0.25, lambda: state(node) and state(node).stratum == 1)
    process.wait_log(r"synchronised, offset \+|time stepped by \+0\.30")
    wait_until(lambda: segment.write(0.25) or abs(daemons.offset_of(node, A) - 0.3) < 0.002, 20, "the clock is 0.25 + time1 ahead", interval=0.5)
    row = daemons.peers(node)["SHM(221)"]
    assert (row.tally, row.refid, row.stratum, row.type, row.delay) == ("*", ".GPS.", 0, "l", 0)
    assert state(node).refid == b"GPS\0"
    cv = variables(ntpq(node, "-c", "cv"))
    assert cv["name"] == '"SHM"' and cv["noreply"] == "0" and cv["baddata"] == "0"
    records = (node.dir / "stats/clockstats").read_text().splitlines()
    assert re.fullmatch(r"\d+ \d+\.\d+ 127\.127\.28\.221 +\d+ +\d+ +\d+ +0 +\d+", records[-1])


@pytest.mark.parametrize("segment", [(222,)], indirect=True)
def test_samples_that_cannot_be_are_left_out(lab, segment):
    node = lab.node("ours", A)
    daemons.ntpd(node, "refclock shm unit 222 mode 1 minpoll 2 noselect flag1 1 time2 100\n")
    daemons.wait_answers(node)
    feed(node, segment, 0, lambda: int(variables(ntpq(node, "-c", "cv"))["baddata"]) >= 1, age=10)
    bad = int(variables(ntpq(node, "-c", "cv"))["baddata"])
    feed(node, segment, 150, lambda: int(variables(ntpq(node, "-c", "cv"))["baddata"]) > bad)
    assert daemons.peers(node)["SHM(222)"].reach == 0
    feed(node, segment, 50, lambda: daemons.peers(node)["SHM(222)"].reach)


@pytest.mark.parametrize("segment", [(223, 0o666)], indirect=True)
def test_a_segment_open_to_all_is_not_attached(lab, segment):
    node = lab.node("ours", A)
    process = daemons.ntpd(node, "refclock shm unit 223 mode 1 minpoll 2\n")
    process.wait_log(r"SHM\(223\): the shared memory is not used: it is open to others")
    before = segment.count() + 1
    segment.write()
    time.sleep(2.5)
    assert segment.count() == before, "it was read"
    assert daemons.peers(node)["SHM(223)"].reach == 0


# ---- NMEA ----

class Receiver:
    """A GPS receiver on a pseudo terminal."""

    def __init__(self, node):
        self.link = node.dir / "run/gps"     # /run/gps as the node sees it
        self.plug()

    def plug(self):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))

    def unplug(self):
        # As the file of a device that goes does; the number of the terminal may be another's at once.
        self.link.unlink(missing_ok=True)
        os.close(self.slave)
        os.close(self.master)

    def say(self, body):
        os.write(self.master, f"${body}*{functools.reduce(operator.xor, body.encode(), 0):02X}\r\n".encode())

    def speak(self, offset=0.0, valid="A"):
        """RMC and GGA for the second that begins; they come when it does, by a clock that is ahead by offset."""
        now = time.time() + offset
        time.sleep(1 - now % 1)
        t = time.gmtime(now + 1)
        clock, date = time.strftime("%H%M%S", t), time.strftime("%d%m%y", t)
        self.say(f"GPRMC,{clock}.000,{valid},4807.038,N,01131.000,E,022.4,084.4,{date},003.1,W")
        self.say(f"GPGGA,{clock}.000,4807.038,N,01131.000,E,{int(valid == 'A')},08,0.9,545.4,M,46.9,M,,")


def listen_to(node, receiver, until, timeout=40, **more):
    def look():
        receiver.speak(**more)
        return until()
    return wait_until(look, timeout, "the receiver is heard", interval=0)


def test_a_receiver_on_a_serial_line_sets_the_clock(lab):
    node = lab.node("ours", A)
    (node.dir / "stats").mkdir()
    receiver = Receiver(node)
    process = daemons.ntpd(node, f"server 127.127.20.3 mode 17 minpoll 2 prefer\ndevice 127.127.20.3 timedata /run/gps\n"
                           f"fudge 127.127.20.3 time2 0.25 flag4 1\nstatsdir {node.dir}/stats/\nfilegen clockstats\n" + OPEN, *SANDBOX)
    listen_to(node, receiver, lambda: state(node) and state(node).stratum == 1, offset=0.5)
    process.wait_log(r"time stepped by \+0\.7[456]", timeout=1)
    row = daemons.peers(node)["GPS_NMEA(3)"]
    assert (row.tally, row.refid, row.stratum, row.type) == ("*", ".GPS.", 0, "l")
    attributes = termios.tcgetattr(receiver.slave)
    assert attributes[4:6] == [termios.B9600, termios.B9600] and not attributes[3] & (termios.ECHO | termios.ICANON)
    cv = variables(ntpq(node, "-c", "cv"))
    assert cv["device"] == '"/run/gps"' and cv["badformat"] == "0"
    assert re.match(r'"\$GPRMC,\d{6}\.000,A,____\.___,_,_____\.___,_,022\.4,', cv["timecode"]), cv["timecode"]
    wait_until(lambda: re.search(r"127\.127\.20\.3 \$GPRMC,", (node.dir / "stats/clockstats").read_text()), 5, "a record")


def test_a_receiver_that_misbehaves_or_goes_is_unreachable_and_may_come_back(lab):
    node = lab.node("ours", A)
    receiver = Receiver(node)
    process = daemons.ntpd(node, "refclock nmea path /run/gps baud 38400 minpoll 0 noselect\n", *SANDBOX)
    wait_until(lambda: daemons.try_peers(node), 5, "the clock is there")
    os.write(receiver.master, b"x" * 70000 + b"\r\n" + bytes(range(1, 256)) + b"\r\n$GPRMC*4B\r\n$GPRMC,1*00\r\n")
    wait_until(lambda: int(variables(ntpq(node, "-c", "cv"))["badformat"]) >= 3, 10, "nonsense is counted")
    receiver.speak(valid="V")
    wait_until(lambda: int(variables(ntpq(node, "-c", "cv"))["baddata"]) >= 1, 10, "a receiver without a fix is counted")
    assert daemons.peers(node)["GPS_NMEA(0)"].reach == 0
    listen_to(node, receiver, lambda: daemons.peers(node)["GPS_NMEA(0)"].reach)
    receiver.unplug()
    process.wait_log(r"GPS_NMEA\(0\): /run/gps: .*; trying again")
    receiver.link.unlink(missing_ok=True)
    receiver.link.write_text("$GPZDA,201530.00,04,07,2002,00,00*60\n")
    wait_until(lambda: daemons.peers(node)["GPS_NMEA(0)"].reach == 0, 15, "it is unreachable")
    receiver.plug()
    process.wait_log(r"GPS_NMEA\(0\): /run/gps is there", timeout=20)
    listen_to(node, receiver, lambda: daemons.peers(node)["GPS_NMEA(0)"].reach)


# ---- gpsd ----

def fake_gpsd(node, *args):
    process = node.start(["python3", HERE / "fakegpsd.py", *map(str, args)], "gpsd")
    process.wait_log("ready")
    return process


@pytest.mark.parametrize("unit,mode,classes,offset", [
    (0, 0, ["TPV", "TOFF", "PPS"], 0.3), (0, 0, ["TPV"], 0.3), (0, 1, ["TPV", "TOFF", "PPS"], 0.4), (0, 2, ["TPV", "TOFF"], 0.3),
    (128, 0, ["TPV", "TOFF", "PPS"], 0.4)])
def test_gpsd_sets_the_clock(lab, unit, mode, classes, offset):
    node = lab.node("ours", A)
    fake_gpsd(node, 0.3, 0.4, *classes)
    process = daemons.ntpd(node, f"server 127.127.46.{unit} mode {mode} minpoll 2\n" + OPEN, *SANDBOX)
    wait_until(lambda: state(node) and state(node).stratum == 1, 25, "the clock is set")
    stepped = float(process.wait_log(r"time stepped by ([-+.\d]+)", timeout=1)[1])
    assert abs(stepped - offset) < 0.02, stepped
    row = daemons.peers(node)[f"GPSD_JSON({unit})"]
    assert (row.tally, row.refid, row.type) == ("*", ".GPSD.", "l")


def test_gpsd_in_automatic_mode_goes_over_to_a_pulse_that_stays(lab):
    node = lab.node("ours", A)
    fake_gpsd(node, 0.3, 0.4, "TPV", "TOFF", "PPS")
    process = daemons.ntpd(node, "refclock gpsd mode 2 minpoll 2\n" + OPEN, *SANDBOX)
    wait_until(lambda: state(node) and state(node).stratum == 1, 25, "the clock is set")
    assert abs(daemons.offset_of(node, A) - 0.3) < 0.02 and process.age() < 38, "by the serial line"
    wait_until(lambda: daemons.peers(node)["GPSD_JSON(0)"].offset > 80, 60, "the pulse is heard", interval=1)
    assert process.age() > 40


def test_gpsd_without_a_fix_or_in_its_senses_is_not_used(lab):
    node = lab.node("ours", A)
    process = daemons.ntpd(node, "refclock gpsd minpoll 0\n" + OPEN, *SANDBOX)
    process.wait_log(r"GPSD_JSON\(0\): gpsd on port 2947: Connection refused; trying again")
    gpsd = fake_gpsd(node, 0.3, 0.4, "NOFIX", "TOFF", "PPS", "GARBAGE")
    process.wait_log(r"GPSD_JSON\(0\): gpsd is there", timeout=10)
    wait_until(lambda: int(variables(ntpq(node, "-c", "cv"))["badformat"]) == 3 and int(variables(ntpq(node, "-c", "cv"))["baddata"]) > 3, 10, "counted")
    assert daemons.peers(node)["GPSD_JSON(0)"].reach == 0
    gpsd.stop()
    process.wait_log(r"it has closed the connection; trying again")
    gpsd = fake_gpsd(node, 0.3, 0.4, "FLOOD")
    process.wait_log(r"a line is longer than any of gpsd's|gpsd is there(.|\n)*gpsd is there", timeout=10)
    gpsd.stop()
    fake_gpsd(node, 0.3, 0.4, "TPV")
    wait_until(lambda: daemons.peers(node)["GPSD_JSON(0)"].reach, 40, "it is used once it knows")


# ---- SOCK ----

@pytest.mark.parametrize("pulse,offset", [(0, 0.3), (1, 0.05)])
def test_samples_by_a_socket_set_the_clock(lab, pulse, offset):
    node = lab.node("ours", A)
    daemons.ntpd(node, "refclock sock path /run/clock.sock refid GPS minpoll 2\n" + OPEN, *SANDBOX)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = node.dir / "run/clock.sock"
    wait_until(path.is_socket, 5, "the socket is there")
    assert path.stat().st_mode & 0o777 == 0o600
    os.chdir(path.parent)       # a socket's path has little room

    def tell():
        now = time.time_ns()
        sock.sendto(struct.pack("@lldiiii", now // 10**9, now % 10**9 // 1000, offset + pulse * 7, pulse, 0, 0, 0x534f434b), path.name)
        sock.sendto(b"nonsense", path.name)
        return state(node) and state(node).stratum == 1
    wait_until(tell, 25, "the clock is set", interval=0.5)
    wait_until(lambda: tell() and abs(daemons.offset_of(node, A) - offset) < 0.002, 20, "by the right amount", interval=0.5)
    assert int(variables(ntpq(node, "-c", "cv"))["badformat"]) > 3
    assert daemons.peers(node)["SOCK(0)"].refid == ".GPS."


# ---- PPS ----

@pytest.fixture(scope="module")
def fake_pps():
    """The preloaded device, or a reason to skip: a sanitizer wants to be loaded first."""
    target = OUTPUT / f"fakepps.{os.getpid()}.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-o", target, HERE / "fakepps.c", "-lm"], check=True)
    if SANITIZED:
        pytest.skip("a sanitizer's runtime has to be loaded first")
    yield target
    target.unlink()


def pulsed(node, fake, conf, late):
    (node.dir / "run/fakepps").write_text("")
    return daemons.ntpd(node, conf + OPEN, *SANDBOX, env={"LD_PRELOAD": str(fake), "FAKEPPS_LATE": str(late)})


def test_a_pulse_beats_the_server_that_numbers_its_seconds(lab, fake_pps):
    node, up = lab.node("ours", A), lab.node("up", SERVER)
    daemons.TimeServer(up, {SERVER: {"offset": 0.05}})
    pulsed(node, fake_pps, f"server {SERVER} iburst prefer minpoll 2\nrefclock pps ppspath /run/fakepps minpoll 2\n", 0.02)
    wait_until(lambda: state(node) and state(node).stratum == 1, 40, "the pulse is followed")
    rows = daemons.peers(node)
    assert (rows["PPS(0)"].tally, rows["PPS(0)"].refid, rows[SERVER].tally) == ("o", ".PPS.", "*")
    assert state(node).refid == b"PPS\0"
    # The host's clock reads 0.02 s when a second begins.
    wait_until(lambda: abs(daemons.offset_of(node, A) + 0.02) < 0.002, 20, "the clock is where the pulse says")
    assert "synchronised to atomic clock at stratum 1" in node.run([program("ntpstat")]).stdout


@pytest.mark.parametrize("segment", [(225,)], indirect=True)
def test_calibrate_learns_time1_from_the_pulse(lab, fake_pps, segment):
    """The clock is 0.17 s ahead of the pulse, which time1 makes good, a tenth with each sample; a reload does not forget it."""
    node, up = lab.node("ours", A), lab.node("up", SERVER)
    daemons.TimeServer(up, {SERVER: {}})
    (node.dir / "run/fakepps").write_text("")
    process = daemons.ntpd(node, f"enable calibrate\nserver {SERVER} iburst prefer minpoll 2\nrefclock pps ppspath /run/fakepps minpoll 2\n"
                           "refclock shm unit 225 mode 1 minpoll 2 noselect\n" + OPEN, *SANDBOX, env={"LD_PRELOAD": str(fake_pps), "FAKEPPS_LATE": "0.02"})
    learnt = lambda: float(variables(ntpq(node, "-c", "cv &3 fudgetime1"))["fudgetime1"])
    feed(node, segment, 0.15, lambda: state(node) and state(node).stratum == 1)
    assert learnt() == 0 or daemons.peers(node)["PPS(0)"].tally == "o"
    feed(node, segment, 0.15, lambda: learnt() < -50, timeout=60)
    process.popen.send_signal(signal.SIGHUP)
    process.wait_log("3 sources kept, 0 added, 0 removed")
    assert -180 < learnt() < -50


def test_a_pulse_alone_is_not_followed(lab, fake_pps):
    node = lab.node("ours", A)
    pulsed(node, fake_pps, "server 127.127.22.0 minpoll 2\ndevice 127.127.22.0 ppsdata /run/fakepps\n", 0.02)
    wait_until(lambda: daemons.try_peers(node).get("PPS(0)") and daemons.peers(node)["PPS(0)"].reach & 2, 30, "it is heard")
    row = daemons.peers(node)["PPS(0)"]
    assert row.tally == " " and abs(row.offset + 20) < 2
    assert state(node).leap == 3


def test_the_pulse_of_a_receiver_says_when_its_seconds_begin(lab, fake_pps):
    node = lab.node("ours", A)
    receiver = Receiver(node)
    pulsed(node, fake_pps, "refclock nmea path /run/gps ppspath /run/fakepps flag1 1 time1 0.01 minpoll 2\n", 0.02)
    wait_until(lambda: daemons.try_peers(node), 5, "the clock is there")
    def speak():
        time.sleep(1.3 - time.time() % 1)       # late, as on a slow line
        receiver.say("GPZDA," + time.strftime("%H%M%S,%d,%m,%Y,,", time.gmtime()))
        return state(node) and state(node).stratum == 1
    wait_until(speak, 30, "the clock is set", interval=0)
    wait_until(lambda: speak() and abs(daemons.offset_of(node, A) + 0.01) < 0.002, 20, "by the pulse", interval=0)


# ---- other tools ----

def test_ntpsec_ntpq_shows_the_same_clock(lab):
    node = lab.node("ours", A)
    daemons.ntpd(node, "refclock local stratum 9 time1 0.125\ntos orphanwait 1\n")
    wait_until(lambda: daemons.try_peers(node).get("LOCAL(0)") and daemons.peers(node)["LOCAL(0)"].tally == "*", 10, "LOCAL serves")
    theirs = daemons.ntpsec_ntpq(node, "-n", "-c", "peers", "-c", "cv &1")
    assert theirs.returncode == 0, theirs.stderr
    assert re.search(r"^\*LOCAL\(0\) +\.LOCL\. +9 l ", theirs.stdout, re.MULTILINE), theirs.stdout
    their_cv, our_cv = variables(theirs.stdout), variables(ntpq(node, "-c", "cv"))
    for name in ("name", "stratum", "flags", "noreply", "refid"):
        assert their_cv[name] == our_cv[name], name
    assert float(their_cv["fudgetime1"]) == 125


# ---- changes by ntpq ----

def test_clocks_may_be_added_tuned_and_removed_by_ntpq(lab):
    node = lab.node("ours", A)
    keys = node.dir / "keys"
    keys.write_text("7 SHA1 00112233445566778899aabbccddeeff0011\n")
    keys.chmod(0o600)
    daemons.ntpd(node, f"refclock local unit 0\nkeys {keys}\ntrustedkey 7\ncontrolkey 7\n")
    wait_until(lambda: daemons.try_peers(node).get("LOCAL(0)"), 5, "the clock is there")

    def config(line):
        result = daemons.ntpsec_ntpq(node, "-k", str(keys), "-a", "7", "-c", f":config {line}", "127.0.0.1")
        return result.stdout + result.stderr
    assert "Config Succeeded" in config("refclock local unit 1 stratum 8")
    assert daemons.peers(node)["LOCAL(1)"].stratum == 8
    assert "Config Succeeded" in config("fudge 127.127.1.1 stratum 9")
    assert {name: row.stratum for name, row in daemons.peers(node).items()} == {"LOCAL(0)": 5, "LOCAL(1)": 9}
    assert "Config Succeeded" in config("unpeer clock local unit 0")
    assert set(daemons.peers(node)) == {"LOCAL(1)"}
    for line in ("refclock nmea path /etc/shadow", "server 127.127.20.0 path /etc/shadow", "device 127.127.20.0 timedata /etc/shadow"):
        assert "ignored" in config(line) and set(daemons.peers(node)) == {"LOCAL(1)"}, line
