# SPDX-License-Identifier: BSD-2-Clause
"""ntpq, ntpstat and ntpwait against servers that lie, stutter or say nothing.

Takes port 123 of its network, so it runs under tests/net/isolated; TRUECHIMER_BUILD names the directory of the programs.
"""
import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TRUECHIMER_BUILD", TOP / "build"))
READSTAT, READVAR, READCLOCK = 1, 2, 4

# One port for all: tests that run at the same time would answer each other's questions.
pytestmark = pytest.mark.xdist_group("tools-port-123")

SYSTEM = ("leap=0, stratum=7, precision=-25, rootdelay=0.040, rootdisp=10.829, refid=10.9.0.1,\r\n"
          "reftime=0xeeadcadd.1d38de24, clock=0xeeadcaee.438848a2, peer=54485, tc=4, mintc=3, offset=0.017334\r\n")
PEER = ("srcadr=10.9.0.1, srcport=123, dstadr=10.9.0.2, dstport=123, leap=0, stratum=6, refid=127.127.1.0,\r\n"
        "rec=0xeeadcadd.1d38de24, reach=0xff, hmode=3, hpoll=4, ppoll=4, offset=0.011, delay=0.040, jitter=0.005\r\n")
ROW = "*10.9.0.1        LOCAL(0)         6 u   17   16  377    0.040   +0.011   0.005\n"


class Request:
    def __init__(self, data):
        self.first, self.op, self.sequence, self.status, self.associd, self.offset, self.count = \
            struct.unpack("!BBHHHHH", data[:12])
        self.names = data[12:12 + self.count].decode()

    def reply(self, data=b"", offset=0, more=False, error=None, status=0x0615, sequence=None, count=None, op=None, associd=None,
              response=True, mode=6):
        """One datagram of an answer, right unless told otherwise."""
        data = data.encode("latin-1") if isinstance(data, str) else data
        bits = (0x80 if response else 0) | (0x20 if more else 0) | (0x40 if error is not None else 0)
        head = struct.pack("!BBHHHHH", self.first & 0x38 | mode, bits | (self.op if op is None else op),
                           self.sequence if sequence is None else sequence,
                           status if error is None else error << 8,
                           self.associd if associd is None else associd, offset, len(data) if count is None else count)
        return head + data + bytes(-len(data) % 4)

    def fragments(self, data, size=468, **kwargs):
        data = data.encode("latin-1") if isinstance(data, str) else data
        return [self.reply(data[i:i + size], i, i + size < len(data), **kwargs) for i in range(0, len(data), size)]


def good(r):
    if r.op == READSTAT:
        return [r.reply(struct.pack("!HH", 54485, 0x961a))]
    if r.associd == 0:
        return r.fragments(SYSTEM)
    return r.fragments(PEER, status=0x961a)


class Server:
    """Answers each request with what answer(request) yields; numbers in it are pauses in seconds."""

    def __init__(self, answer, addr="127.0.0.1"):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((addr, 123))
        self.sock.settimeout(0.05)
        self.answer, self.done, self.requests = answer, False, []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.done:
            try:
                data, peer = self.sock.recvfrom(2048)
            except socket.timeout:
                continue
            request = Request(data)
            self.requests.append(request)
            for item in self.answer(request):
                if self.done:
                    break
                if isinstance(item, bytes):
                    try:
                        self.sock.sendto(item, peer)
                    except OSError:
                        break
                else:
                    time.sleep(item)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done = True
        self.thread.join()
        self.sock.close()


def run(name, *args, limit=5, **kwargs):
    """Runs a tool, which has to end by itself within limit seconds."""
    return subprocess.run([str(BUILD / name), *args], capture_output=True, text=True, timeout=limit, errors="replace", **kwargs)


def ntpq(*commands, host="127.0.0.1", ms=300, limit=5):
    args = ["-n", "-c", f"timeout {ms}"]
    for command in commands:
        args += ["-c", command]
    result = run("ntpq", *args, host, limit=limit)
    # What could not be had shows in the status, and is said.
    complaints = [line for line in result.stderr.splitlines() if line.startswith(("***", "ntpq: "))]
    assert result.returncode == (2 if complaints else 0), result
    return result


# ---- honest answers in odd shapes ----

def test_an_honest_server_is_listed():
    with Server(good):
        assert ROW in ntpq("peers").stdout


def test_requests_are_what_the_protocol_wants():
    with Server(good) as server:
        ntpq("rv 0 leap,stratum")
    request = server.requests[0]
    assert (request.first, request.op, request.associd, request.offset, request.status) == (0x16, READVAR, 0, 0, 0)
    assert request.names == "leap,stratum"


def test_fragments_may_come_in_any_order_and_twice():
    def answer(r):
        frags = r.fragments(SYSTEM, size=20)
        return frags[::-1][:-1] + frags[3:9] + frags[:1]
    with Server(answer):
        assert "stratum=7" in ntpq("rv").stdout and "offset=+0.017334" in ntpq("rv").stdout


def test_a_lost_answer_is_asked_for_again():
    seen = []

    def answer(r):
        seen.append(r.sequence)
        return [] if len(seen) == 1 else r.fragments(SYSTEM)
    with Server(answer):
        assert "stratum=7" in ntpq("rv").stdout
    assert len(seen) == 2 and seen[0] != seen[1]


def test_the_second_address_of_a_host_is_tried_when_nobody_is_at_the_first():
    """localhost is ::1 first."""
    with Server(good):
        assert ROW in ntpq("peers", host="localhost").stdout


def test_a_variable_the_server_lacks_is_a_question_mark_in_a_table():
    def answer(r):
        if "bcastdelay" in r.names:
            return [r.reply(error=5)]
        return [r.reply(", ".join(v.strip() for v in SYSTEM.split(",") if v.strip().split("=")[0] in r.names.split(",")))]
    with Server(answer):
        out = ntpq("sysinfo").stdout
    assert "associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,\n" in out
    assert "stratum:            7\n" in out and "broadcast delay:    ?\n" in out


def test_errors_are_told():
    for code, text in [(1, "***Server disallowed request"), (4, "***Association ID 9 unknown to server"),
                       (5, "***A request variable unknown to the server"), (200, "***Server returned an unspecified error")]:
        with Server(lambda r, code=code: [r.reply(error=code)]):
            assert text in ntpq("rv 9").stderr
    for code, name in [(1, "PERMISSION"), (4, "BADASSOC"), (5, "UNKNOWNVAR"), (7, "RESTRICT"), (200, "UNSPEC")]:
        with Server(lambda r, code=code: [r.reply(error=code)]):
            assert f"***Server error code {name}\n" in ntpq("layout ntpsec", "rv 9").stderr


def test_an_association_that_ends_meanwhile_is_left_out():
    def answer(r):
        if r.op == READSTAT:
            return [r.reply(struct.pack("!HHHH", 7, 0x9014, 54485, 0x961a))]
        return [r.reply(error=4)] if r.associd == 7 else good(r)
    with Server(answer):
        result = ntpq("peers")
    assert result.stdout.count("\n10") == 0 and ROW in result.stdout and result.stderr == ""


# ---- hostile answers ----

def test_silence_is_a_timeout():
    with Server(lambda r: []):
        result = ntpq("peers", limit=3)
    assert "127.0.0.1: timed out, nothing received\n***Request timed out\n" in result.stderr


@pytest.mark.parametrize("forge", [
    lambda r: r.reply(SYSTEM, sequence=(r.sequence + 1) % 65536),
    lambda r: r.reply(SYSTEM, op=READSTAT),
    lambda r: r.reply(SYSTEM, associd=1),
    lambda r: r.reply(SYSTEM, response=False),
    lambda r: r.reply(SYSTEM, mode=4),
    lambda r: r.reply("leap=0", count=469),
    lambda r: r.reply("leap=0", count=65535),
    lambda r: r.reply("leap=0", offset=65535),
    lambda r: r.reply(SYSTEM, more=True, count=0),
    lambda r: r.reply()[:11],
    lambda r: b"",
    lambda r: r.reply(b"x" * 470),
], ids=["sequence", "opcode", "association", "request", "mode", "count", "huge-count", "offset", "empty-more", "short", "none",
        "too-long"])
def test_what_is_no_answer_to_the_question_is_ignored(forge):
    """And does not stop the right answer from being taken."""
    with Server(lambda r: [forge(r)] * 50):
        assert "timed out" in ntpq("rv", limit=3).stderr
    with Server(lambda r: [forge(r)] * 50 + r.fragments(SYSTEM)):
        assert "stratum=7" in ntpq("rv", limit=3).stdout


def test_endless_fragments_end():
    def answer(r):
        for i in range(100000):
            yield r.reply(b"x" * 4, 4 * i % 65536, more=True)
    with Server(answer):
        assert "more than 32 fragments" in ntpq("rv", limit=3).stderr


def test_a_flood_of_nothing_ends_in_time():
    def answer(r):
        while True:
            yield r.reply(more=True)
    with Server(answer):
        assert "timed out" in ntpq("rv", limit=3).stderr


def test_dripping_fragments_end_in_time():
    """Each comes just before the time for it is up."""
    def answer(r):
        for i in range(1000):
            yield r.reply(b"x" * 4, 4 * i, more=True)
            yield 0.15
    begin = time.monotonic()
    with Server(answer):
        assert "timed out" in ntpq("rv", limit=5).stderr
    assert time.monotonic() - begin < 2


def test_a_hole_is_incomplete():
    with Server(lambda r: r.fragments(SYSTEM, size=20)[:2] + r.fragments(SYSTEM, size=20)[3:]):
        assert "***Response from server was incomplete" in ntpq("rv", limit=3).stderr


def test_overlaps_change_nothing():
    def answer(r):
        return [r.reply("leap=0, str", 0, True), r.reply("XXXXXXXX", 4, True), r.reply("XXXXXXXX", 8, False), r.reply("atum=7", 11)]
    with Server(answer):
        out = ntpq("rv").stdout
    assert "leap=00, stratum=7" in out and "X" not in out


def test_many_associations_of_a_silent_server_end_in_time():
    def answer(r):
        if r.op == READSTAT:
            return r.fragments(b"".join(struct.pack("!HH", i, 0x9014) for i in range(1, 3745)))
        return []
    begin = time.monotonic()
    with Server(answer):
        result = ntpq("peers", limit=10)
    assert "timed out" in result.stderr and time.monotonic() - begin < 4


def test_a_slow_server_wears_patience_out():
    """It answers each question at the last moment, for hundreds of associations."""
    def answer(r):
        if r.op == READSTAT:
            return r.fragments(b"".join(struct.pack("!HH", i, 0x9014) for i in range(1, 1000)))
        return [0.75, r.reply(PEER)]
    begin = time.monotonic()
    with Server(answer):
        result = ntpq("peers", ms=800, limit=40)
    assert "timed out" in result.stderr and time.monotonic() - begin < 30


def test_nothing_reaches_the_terminal_as_it_is():
    evil = 'version="\x1b]0;owned\x07", refid=\x1b[2J, srchost="\x9b31m", sys_\x08x=\x7f'
    with Server(lambda r: [r.reply(struct.pack("!HH", 5, 0x9014))] if r.op == READSTAT else [r.reply(evil)]):
        for command in ("rv", "rv 5", "peers", "apeers", "sysinfo", "pstats 5", "cv 5"):
            for modes in (["cooked"], ["raw"], ["layout ntpsec"], ["layout ntpsec", "units"]):
                out = ntpq(*modes, command).stdout
                assert all(c == "\n" or " " <= c < "\x7f" for c in out), (command, out)


def test_monstrous_values_are_shown_as_bad():
    evil = "leap=99999999999999999999, stratum=-1, filtdelay=" + " 1" * 3000 + ", offset=1e99999, reftime=0x" + "f" * 3000
    with Server(lambda r: r.fragments(evil)):
        out = ntpq("rv", "sysinfo").stdout
    assert "leap=99999999999999999999?" in out and "stratum=-1?" in out and "offset=1e99999?" in out


def test_an_open_quote_ends_the_list():
    with Server(lambda r: [r.reply('leap=0, version="never ends, stratum=7')]):
        assert ntpq("rv").stdout.splitlines()[-1] == "leap=00"


def test_json_survives_hostile_values():
    evil = 'a="\\", b=\x9b, c=1e5, d=00, "e"=\x01, stratum=nan'
    with Server(lambda r: [r.reply(evil)]):
        result = run("ntpq", "--json", "-c", "rv", "-c", "sysinfo", "127.0.0.1")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows[0]["rows"][0]["variables"]["c"] == 1e5 and rows[1]["command"] == "sysinfo"


# ---- the command line ----

def test_a_monstrous_host_is_refused():
    result = run("ntpq", "-p", "a" * 10000)
    assert result.returncode == 2 and result.stdout == "" and "Name too long" in result.stderr and len(result.stderr) < 200


@pytest.mark.parametrize("args", [["-q"], ["--nope"], ["-i", "-p"], ["-W", "x"], ["-D", "99"], ["-r", "x"], ["-c"]])
def test_a_wrong_command_line_is_refused(args):
    result = run("ntpq", *args)
    assert result.returncode == 1 and result.stdout == "" and result.stderr.strip()


@pytest.mark.parametrize("args", [["-?"], ["-h"], ["--help"], ["-V"], ["--version"]])
def test_help_and_version_succeed(args):
    result = run("ntpq", *args)
    assert result.returncode == 0 and "ntpq" in result.stdout and result.stderr == ""


def test_help_knows_every_command():
    listed = run("ntpq", input="help\n").stdout.splitlines()[1:]
    names = [name for line in listed for name in line.split()]
    assert names == sorted(set(names), key=names.index) and {"peers", "rv", "sysinfo", "exit"} <= set(names)
    for name in names:
        result = run("ntpq", input=f"help {name}\n")
        assert result.stdout.startswith("function: ") and f"\nusage: {name}" in result.stdout


def test_commands_without_a_daemon_say_so():
    result = run("ntpq", "-p", "127.0.0.1")
    assert (result.returncode, result.stdout, result.stderr) == (2, "", "ntpq: read: Connection refused\n")


def test_commands_come_from_a_pipe_without_prompts():
    with Server(good):
        result = run("ntpq", "-n", "127.0.0.1", input="host\nnope\np\ntimeout\nas > /dev/null\nexit\nversion\n")
    assert result.stdout == "current host is 127.0.0.1\nprimary timeout 5000 ms\n"
    assert result.stderr == "***Command `nope' unknown\n***Command `p' ambiguous\n"


def test_a_blank_line_stands_between_outputs():
    with Server(good):
        result = run("ntpq", "-n", "-c", "rv 0 leap", "-c", "rv 0 leap", "127.0.0.1", "127.0.0.1")
    assert result.stdout.count("\n\nserver=127.0.0.1 leap=00") == 3


def test_output_goes_into_a_file(tmp_path):
    with Server(good):
        result = ntpq(f"peers > {tmp_path}/peers")
    assert result.stdout == "\n" and ROW in (tmp_path / "peers").read_text()


# ---- ntpstat and ntpwait ----

def test_ntpstat_tells_a_synchronised_clock():
    with Server(good):
        result = run("ntpstat")
    assert (result.returncode, result.stdout) == (0, "synchronised to NTP server (10.9.0.1) at stratum 7 \n"
                                                     "   time correct to within 11 ms\n   polling server every 16 s\n")


def endless(r):
    for i in range(100000):
        yield r.reply(b"x" * 4, 4 * i % 65536, more=True)


def dripping(r):
    for i in range(1000):
        yield r.reply(b"x" * 4, 4 * i, more=True)
        yield 0.1


def holey(r):
    return [r.reply("leap=0, ", 0, True), r.reply("leap=0", 100)]


def overlapping(r):
    return [r.reply("leap=0, str", 0, True), r.reply("XXXXXXXX", 4, True), r.reply("XXXXXXXX", 8, False)]


def babbling(r):
    while True:
        yield r.reply(SYSTEM, sequence=(r.sequence + 1) % 65536)


@pytest.mark.parametrize("answer", [endless, dripping, holey, overlapping, babbling])
def test_ntpstat_and_ntpwait_end_in_time_whatever_comes(answer):
    begin = time.monotonic()
    with Server(answer):
        stat = run("ntpstat")
    assert stat.returncode == 2 and stat.stdout == "" and 0 < len(stat.stderr) < 200 and time.monotonic() - begin < 4
    begin = time.monotonic()
    with Server(answer):
        wait = run("ntpwait", "-v", "-n", "1", "-s", "0")
    assert wait.returncode == 1 and "No!" in wait.stdout and len(wait.stdout + wait.stderr) < 200 and time.monotonic() - begin < 4


@pytest.mark.parametrize("value", ["9" * 400, "-", "nan", "1e999", "0x", "\x1b[2J", '"'])
def test_malformed_values_are_no_numbers(value):
    with Server(lambda r: r.fragments(f"stratum={value}, rootdelay={value}, rootdisp={value}, tc={value}, refid={value}, peer={value}, leap={value}")):
        stat, wait = run("ntpstat"), run("ntpwait", "-n", "1", "-s", "0")
    assert stat.returncode == 1 and all(c == "\n" or " " <= c < "\x7f" for c in stat.stdout) and len(stat.stdout) < 300
    assert wait.returncode == 1 and all(c == "\n" or " " <= c < "\x7f" for c in wait.stderr) and len(wait.stderr) < 300


class TimeServer(Server):
    """Gives the time and answers no questions; lying: not even to the request."""

    def __init__(self, lying=False):
        super().__init__(None)
        self.lying = lying

    def run(self):
        while not self.done:
            try:
                data, peer = self.sock.recvfrom(2048)
            except socket.timeout:
                continue
            if len(data) == 48 and data[0] & 7 == 3:
                self.sock.sendto(bytes([0x24, 2]) + bytes(22) + (bytes(8) if self.lying else data[40:48]) + bytes(16), peer)


def test_a_daemon_that_gives_the_time_but_no_answers_is_told_from_none():
    text = "The daemon here gives the time but answers no questions about itself"
    with TimeServer():
        stat, wait = run("ntpstat"), run("ntpwait", "-n", "5", "-s", "0", limit=10)
    assert stat.returncode == 2 and stat.stderr.startswith("timeout\n" + text)
    assert wait.returncode == 2 and wait.stdout == "" and text in wait.stderr
    with TimeServer(lying=True):
        stat, wait = run("ntpstat"), run("ntpwait", "-n", "1", "-s", "0")
    assert (stat.returncode, stat.stderr) == (2, "timeout\n") and (wait.returncode, wait.stderr) == (1, "")


def test_ntpstat_takes_a_maximum_error():
    with Server(good):
        good_enough, too_bad = run("ntpstat", "-m", "11"), run("ntpstat", "-m", "10")
    assert good_enough.returncode == 0
    assert too_bad.returncode == 1 and "   time correct to within 11 ms (exceeded maximum of 10 ms)\n" in too_bad.stdout


@pytest.mark.parametrize("status, text", [(0xc016, "unsynchronised\n   polling server every 16 s\n"),
                                          (0xc011, "unsynchronised\n  time server re-starting\n   polling server every 16 s\n")])
def test_ntpstat_tells_an_unsynchronised_clock(status, text):
    with Server(lambda r: [r.reply(SYSTEM, status=status)]):
        result = run("ntpstat")
    assert (result.returncode, result.stdout) == (1, text)


def test_ntpstat_names_other_sources():
    with Server(lambda r: [r.reply("stratum=6, rootdelay=0, rootdisp=1, tc=6", status=0x0515)]):
        assert run("ntpstat").stdout.startswith("synchronised to local net at stratum 6 \n")


def test_ntpstat_says_what_it_is_not_told():
    with Server(lambda r: [r.reply("tc=99, rootdelay=nan", status=0x0615)]):
        result = run("ntpstat")
    assert (result.returncode, result.stdout) == (1, "synchronised to NTP server <IP unknown>, stratum unknown\n"
                                                     "accuracy unknown\npoll interval unknown\n")


def test_ntpstat_without_a_daemon():
    result = run("ntpstat")
    assert (result.returncode, result.stderr) == (2, "Unable to talk to NTP daemon. Is it running?\n")
    with Server(lambda r: []):
        result = run("ntpstat")
    assert (result.returncode, result.stderr) == (2, "timeout\n")


def test_ntpstat_asks_the_ipv6_address_when_nobody_is_at_the_other():
    with Server(good, addr="::1"):
        assert run("ntpstat").returncode == 0


def test_ntpstat_refuses_wrong_options():
    for args in (["-x"], ["-m", "nan"], ["-m", "-1"], ["-m"], ["host"]):
        assert run("ntpstat", *args).returncode == 3


def test_ntpwait_waits_until_the_clock_is_synchronised():
    answers = ["leap=3", "leap=3", "leap=0"]
    with Server(lambda r: [r.reply(answers.pop(0))]):
        result = run("ntpwait", "-v", "-s", "0")
    assert result.returncode == 0 and answers == []
    assert result.stdout.startswith("Waiting for ntpd to synchronize...  \b+\b:\bOK! (")


def test_ntpwait_gives_up():
    with Server(lambda r: [r.reply("leap=3")]):
        result = run("ntpwait", "-v", "-n", "2", "-s", "0")
    assert result.returncode == 1 and result.stdout.endswith("\bNo!\nntpd did not synchronize.\n")


def test_ntpwait_counts_a_missing_daemon_as_a_try():
    begin = time.monotonic()
    result = run("ntpwait", "-n", "2", "-s", "1")
    assert result.returncode == 1 and 0.9 < time.monotonic() - begin < 3
    with Server(good):
        assert run("ntpwait", "-n", "1").returncode == 0


@pytest.mark.parametrize("data, text", [("stratum=7", "Leap status not available\n"),
                                        ("leap=7", "Unexpected 'leap' status <7>\n")])
def test_ntpwait_says_what_is_wrong(data, text):
    with Server(lambda r: [r.reply(data)]):
        result = run("ntpwait")
    assert (result.returncode, result.stderr) == (1, text)


def test_ntpwait_refuses_wrong_options():
    for args in (["-x"], ["-n", "0"], ["-n", "x"], ["-s", "-1"], ["host"]):
        assert run("ntpwait", *args).returncode == 2
