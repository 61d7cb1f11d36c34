# SPDX-License-Identifier: BSD-2-Clause
"""ntpq's MRU list and signed requests against servers that lie, stutter or never come to an end.

Shares the fake server, and so its port, with test_hostile.py.
"""
import hashlib
import json
import pty
import os
import signal
import subprocess
import time

import pytest

from test_hostile import BUILD, READSTAT, READVAR, SYSTEM, Server, good, ntpq, run

pytestmark = pytest.mark.xdist_group("tools-port-123")

CONFIGURE, READ_MRU, READ_ORDLIST, REQ_NONCE = 8, 10, 11, 12
NEVER = 0xe0000000
UNKNOWNVAR, BADVALUE = 5, 6


def row(i, n, last=None, count=1):
    """Row i of an answer: the nth client."""
    return (f"addr.{i}=10.{n >> 16}.{n >> 8 & 255}.{n & 255}:123, last.{i}=0x{NEVER + (n if last is None else last):08x}.00000000, "
            f"first.{i}=0x{NEVER:08x}.00000000, ct.{i}={count}, mv.{i}=35, rs.{i}=0x0")


class List:
    """An MRU list of n rows, told as a server tells it, some rows an answer."""

    def __init__(self, n, piece=20, end=True):
        self.n, self.piece, self.end, self.asked = n, piece, end, []

    def __call__(self, r):
        if r.op == REQ_NONCE:
            return [r.reply("nonce=00112233445566778899aabb")]
        if r.op != READ_MRU:
            return good(r)
        self.asked.append(r.names)
        begin = 0
        for item in r.names.split(", "):
            if item.startswith("last.0="):
                begin = int(item[len("last.0=0x"):].split(".")[0], 16) - NEVER + 1
        numbers = range(begin, min(begin + self.piece, self.n))
        text = ", ".join([f"nonce={begin:024x}"] + [row(i, n) for i, n in enumerate(numbers)])
        if self.end and begin + self.piece >= self.n:
            text += f", now=0x{NEVER + self.n:08x}.00000000"
        return r.fragments(text)


def addresses(out):
    return [line.split()[-1] for line in out.splitlines() if " 10." in line]


def test_a_long_list_comes_whole_and_each_row_once():
    server = List(700)
    with Server(server):
        result = ntpq("mrulist")
    assert addresses(result.stdout) == [f"10.0.{n >> 8}.{n & 255}" for n in range(699, -1, -1)]
    assert "Retrieved 700 unique MRU entries and 0 updates." in result.stderr
    assert len(server.asked) == 35 and all("frags=32" in names for names in server.asked)


def test_the_list_is_sorted_as_asked_for():
    def answer(r):
        if r.op == READ_MRU:
            return [r.reply(", ".join(["nonce=aa", row(0, 3, 10, 7), row(1, 1, 11, 9), row(2, 2, 12, 8), f"now=0x{NEVER + 20:08x}.00000000"]))]
        return List(0)(r)
    expected = {"lstint": "2 1 3", "-lstint": "3 1 2", "addr": "1 2 3", "-addr": "3 2 1", "count": "3 2 1", "-count": "1 2 3",
                "avgint": "1 3 2", "-avgint": "2 3 1"}
    with Server(answer):
        for key, want in expected.items():
            assert [a[-1] for a in addresses(ntpq(f"mrulist sort={key}").stdout)] == want.split(), key


def test_filters_are_sent_and_wrong_ones_refused():
    server = List(1)
    with Server(server):
        ntpq("mrulist mincount=3 resall=1 resany=0x20 laddr=::1 maxlstint=60 limited")
        assert "mincount=3, resall=0x1, resany=0x20, laddr=::1, maxlstint=60, resany=0x840" in server.asked[-1]
        asked = len(server.asked)
        for bad in ("sort=name", "mincount=x", "laddr=here", "resall=99999", "nope", "frags=0", "frags=33"):
            assert "***Bad parameter `" in ntpq(f"mrulist {bad}").stderr
        assert len(server.asked) == asked


def test_an_endless_list_ends_in_time():
    begin = time.monotonic()
    with Server(List(10 ** 9, end=False)):
        result = ntpq("mrulist", ms=20, limit=10)
    assert "***The list did not end in time" in result.stderr and time.monotonic() - begin < 6
    assert len(addresses(result.stdout)) > 20, "what came is shown"


def test_the_same_rows_over_and_over_end():
    server = List(5, end=False)

    def answer(r):
        r.names = r.names.split(", addr.")[0]
        return server(r)
    with Server(answer):
        result = ntpq("mrulist")
    assert "bring the list no further" in result.stderr and len(server.asked) < 12 and len(addresses(result.stdout)) == 5


@pytest.mark.parametrize("error, text", [(UNKNOWNVAR, "***Giving up after 8 restarts"), (BADVALUE, "***Server indicates a request variable was bad"),
                                         (1, "***Server disallowed request")])
def test_refusals_without_end_end(error, text):
    asked = []

    def answer(r):
        if r.op == READ_MRU:
            asked.append(r)
            return [r.reply(error=error)]
        return List(0)(r)
    with Server(answer):
        result = ntpq("mrulist")
    assert text in result.stderr and len(asked) < 20 and "lstint" not in result.stdout


def test_a_server_without_a_nonce_or_without_an_answer():
    with Server(lambda r: [r.reply("x=1")] if r.op == REQ_NONCE else good(r)):
        assert "***Server sent no nonce" in ntpq("mrulist").stderr
    begin = time.monotonic()
    with Server(lambda r: [] if r.op == READ_MRU else List(0)(r)):
        assert "timed out, nothing received" in ntpq("mrulist", ms=100).stderr
    assert time.monotonic() - begin < 3


def test_hostile_rows_reach_no_terminal():
    def answer(r):
        if r.op == READ_MRU:
            return [r.reply(f"nonce=aa, {row(0, 1)}, addr.1=\x1b[2J, sc.0=1e999, ct.0=99999999999999999999, mv.0=999, rs.0=zz, now=0x{NEVER:08x}.00000000")]
        return List(0)(r)
    with Server(answer):
        out = ntpq("mrulist", "layout ntpsec", "mrulist").stdout
    assert "10.0.0.1" in out and all(c == "\n" or " " <= c < "\x7f" for c in out)


def test_an_interrupt_shows_what_has_come():
    server = List(10 ** 9, end=False)
    with Server(server):
        process = subprocess.Popen([str(BUILD / "ntpq"), "-n", "-c", "mrulist", "127.0.0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while len(server.asked) < 5:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)
    assert process.returncode == 0 and "mrulist retrieval interrupted by operator." in err and len(addresses(out)) >= 80


def test_the_list_as_json():
    with Server(List(30)):
        result = run("ntpq", "--json", "-n", "-c", "mrulist", "127.0.0.1")
    rows = json.loads(result.stdout)["rows"]
    assert result.stderr == "" and len(rows) == 30
    assert rows[0] == {"address": "10.0.0.29", "name": "10.0.0.29", "port": 123, "lstint": 1, "avgint": 0, "restrict": 0, "limit": ".",
                       "mode": 3, "version": 4, "count": 1, "score": None, "drop": None, "last": "e000001d.00000000", "first": "e0000000.00000000"}


# ---- signed requests ----

SECRET = b"correctHorse"


def mac(octets, secret=SECRET, key=9):
    return key.to_bytes(4, "big") + hashlib.md5(secret + octets).digest()


def sign(reply, **kwargs):
    """A reply with its MAC at a multiple of eight."""
    reply += bytes(-len(reply) % 8)
    return reply + mac(reply, **kwargs)


class Signing(Server):
    """A server that keeps the octets of requests, to look at their MACs."""

    def __init__(self, answer):
        super().__init__(answer)
        receive = self.sock.recvfrom
        self.octets = []

        class Socket:
            def __getattr__(_, name):
                return getattr(self.real, name)

            def recvfrom(_, n):
                data, peer = receive(n)
                self.octets.append(data)
                return data, peer
        self.real, self.sock = self.sock, Socket()


IFSTATS = 'addr.0="127.0.0.1:123", name.0="lo", en.0=1, flags.0=0x5, rx.0=15, tx.0=20, txerr.0=0, pc.0=3, up.0=180, tl.0=0, mc.0=0, bcast.0="127.255.255.255"'
KEY = ("keyid 9", f"passwd {SECRET.decode()}")


def test_a_signed_request_carries_its_mac_behind_padding():
    with Signing(lambda r: [sign(r.reply(IFSTATS))]) as server:
        out = ntpq(*KEY, "ifstats").stdout
    request = server.octets[0]
    assert len(request) == 24 + 20 and request[24:] == mac(request[:24]) and request[12:24] == b"ifstats" + bytes(5)
    assert out.endswith(
        "    interface name                                        send\n"
        " #  address/broadcast     drop flag ttl mc received sent failed peers   uptime\n" + 78 * "=" + "\n"
        "  0 lo                       .    5   0  0     15     20      0     3      180\n    127.0.0.1:123\n    127.255.255.255\n")


def test_a_server_that_expects_the_mac_at_a_multiple_of_four_is_understood():
    def answer(r):
        data = server.octets[-1]
        return [sign(r.reply(IFSTATS))] if data[20:] == mac(data[:20]) else [r.reply(error=1)]
    with Signing(answer) as server:
        assert " lo " in ntpq(*KEY, "ifstats", "ifstats").stdout
    assert [len(octets) for octets in server.octets] == [44, 40, 40]


@pytest.mark.parametrize("forge", [lambda reply: reply, lambda reply: sign(reply, secret=b"wrong"), lambda reply: sign(reply, key=8),
                                   lambda reply: sign(reply)[:-4], lambda reply: sign(reply) + bytes(4)],
                         ids=["unsigned", "wrong", "other-key", "short", "long"])
def test_answers_that_do_not_prove_the_key_are_not_believed(forge):
    with Signing(lambda r: [forge(r.reply(IFSTATS))]):
        result = ntpq(*KEY, "ifstats")
    assert "***Server does not prove that it knows the key" in result.stderr and " lo " not in result.stdout
    with Signing(lambda r: [forge(r.reply(IFSTATS.replace("lo", "evil"))), sign(r.reply(IFSTATS))]):
        out = ntpq(*KEY, "ifstats").stdout
    assert " lo " in out and "evil" not in out


def test_without_a_key_nothing_is_sent():
    with Signing(good) as server:
        result = subprocess.run([str(BUILD / "ntpq"), "-c", "ifstats", "-c", ":config x", "127.0.0.1"], capture_output=True, text=True,
                                timeout=5, start_new_session=True)
    assert result.returncode == 2 and "***No key to sign with" in result.stderr and server.octets == []


def test_the_password_is_asked_for_without_showing_it():
    """On the terminal, whatever standard input is."""
    with Signing(lambda r: [sign(r.reply(IFSTATS))]):
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(str(BUILD / "ntpq"), ["ntpq", "-n", "-c", "ifstats", "127.0.0.1"])
        shown = b""

        def until(text):
            nonlocal shown
            while text not in shown:
                shown += os.read(fd, 1000)
        until(b"Keyid: ")
        os.write(fd, b"9\n")
        until(b"MD5 Password: ")
        os.write(fd, SECRET + b"\n")
        until(b"127.255.255.255")
        os.close(fd)
        _, status = os.waitpid(pid, 0)
    assert SECRET not in shown and b"Keyid: 9" in shown and os.waitstatus_to_exitcode(status) in (0, -signal.SIGHUP)


def test_all_requests_are_signed_when_the_user_wants_that():
    with Signing(lambda r: [sign(r.reply("leap=0"))]) as server:
        ntpq(*KEY, "rv 0 leap", "authenticate yes", "rv 0 leap", "authenticate no", "rv 0 leap")
    assert [octets[-20:-16] == bytes([0, 0, 0, 9]) for octets in server.octets] == [False, True, False]


def test_a_keys_file_and_its_key_are_named(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(f"9 MD5 {SECRET.decode()}\n10 SHA1 other\n")
    keys.chmod(0o600)
    with Signing(lambda r: [sign(r.reply(IFSTATS))]):
        assert run("ntpq", "-n", "-k", str(keys), "-a", "9", "-c", "ifstats", "127.0.0.1").returncode == 0
        missing = run("ntpq", "-n", "-k", str(keys), "-a", "11", "-c", "ifstats", "127.0.0.1")
        assert missing.returncode == 2 and "***There is no key 11 in the keys file" in missing.stderr
    keys.chmod(0o666)
    assert run("ntpq", "-k", str(keys), "-c", "ifstats", "127.0.0.1").returncode == 1


@pytest.mark.parametrize("answer, status, out", [
    ("Config Succeeded\r\n", 0, "Config Succeeded\n"),
    ("column 0 syntax error", 2, "server fooo > x\n^\ncolumn 0 syntax error\n"),
    ("column 7 unknown\x1b[2J", 2, "server fooo > x\n_______^\ncolumn 7 unknown?[2J\n"),
    ("column 99999999 x", 2, "column 99999999 x\n"),
    ("runtime configuration prohibited by restrict ... nomodify", 2, "runtime configuration prohibited by restrict ... nomodify\n"),
])
def test_configuration_is_sent_as_it_stands(answer, status, out):
    with Signing(lambda r: [sign(r.reply(answer, status=0))]) as server:
        result = run("ntpq", "-c", KEY[0], "-c", "~" + KEY[1], "-c", "~:config   server fooo > x ", "127.0.0.1")
    assert (result.returncode, result.stdout) == (status, out)
    assert server.requests[0].op == CONFIGURE and server.requests[0].names == "server fooo > x"


def test_a_file_of_configuration_is_sent_line_by_line(tmp_path):
    (tmp_path / "conf").write_text("\n# comment\nrestrict 192.0.2.1  \nfooo\n")
    with Signing(lambda r: [sign(r.reply("Config Succeeded" if "restrict" in r.names else "column 0 syntax error"))]) as server:
        result = run("ntpq", "-c", KEY[0], "-c", "~" + KEY[1], "-c", f"~config-from-file {tmp_path}/conf", "127.0.0.1")
    assert [r.names for r in server.requests] == ["restrict 192.0.2.1", "fooo"]
    assert (result.returncode, result.stdout) == (2, "Sending configuration file, one line at a time.\nLine No: 3 Config Succeeded: restrict 192.0.2.1\n"
                                                     "Line No: 4 column 0 syntax error: fooo\nDone sending file\n")


def test_variables_of_the_users_list():
    with Signing(lambda r: [sign(r.reply("leap=0")) if len(server.octets[-1]) > 40 else r.reply("leap=0")]) as server:
        ntpq("addvars leap,stratum=3", "addvars stratum=4", "rl", "rmvars leap", "rl", *KEY, "writelist", "clearvars", "rl")
        shown = ntpq("addvars leap,stratum=3,tc", "rmvars leap", "showvars").stdout.split()
    assert [r.names for r in server.requests] == ["leap,stratum", "stratum", "stratum=4", ""] and shown == ["stratum=3", "tc"]
    assert run("ntpq", "-c", "showvars").stdout == "No variables on list\n"


def on_terminal(args, *steps):
    """Runs ntpq on a terminal: each step is what to wait for, shown or true, and what to type then; returns all that was shown."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "dumb"
        os.execv(str(BUILD / "ntpq"), ["ntpq", *args])
    shown, seen = b"", 0
    for wait, answer in steps:
        while callable(wait) and not wait():
            time.sleep(0.01)
        while not callable(wait) and wait not in shown[seen:]:
            shown += os.read(fd, 1000)
        seen = seen if callable(wait) else shown.index(wait, seen) + len(wait)
        os.write(fd, answer)
    try:
        while chunk := os.read(fd, 1000):
            shown += chunk
    except OSError:
        pass
    os.close(fd)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_terminal_has_a_prompt_and_a_history():
    with Server(good) as server:
        shown, status = on_terminal(["-n", "127.0.0.1"], (b"ntpq> ", b"rv 0 leap\n"), (b"leap=00", b""), (b"ntpq> ", b"\x10\n"), (b"leap=00", b""),
                                    (b"ntpq> ", b"exit\n"))
    assert status == 0 and [r.names for r in server.requests] == ["leap", "leap"], shown


def test_an_interrupt_ends_the_command_and_not_ntpq():
    begin = time.monotonic()
    with Server(lambda r: []) as server:
        shown, status = on_terminal(["-n", "127.0.0.1"], (b"ntpq> ", b"peers\n"), (lambda: server.requests, b"\x03"), (b"***Interrupted", b""),
                                    (b"ntpq> ", b"version\n"), (b"truechimer-", b""), (b"ntpq> ", b"quit\n"))
    assert status == 0 and time.monotonic() - begin < 4


def test_a_password_is_no_history():
    with Signing(lambda r: [sign(r.reply(IFSTATS))]) as server:
        shown, status = on_terminal(["-n", "127.0.0.1"], (b"ntpq> ", b"keyid 9\n"), (b"ntpq> ", b"passwd\n"), (b"MD5 Password: ", SECRET + b"\n"),
                                    (b"ntpq> ", b":config fooo\n"), (b"ntpq> ", b"exit\n"))
    assert status == 0 and SECRET.decode() not in shown and server.requests[0].names == "fooo"


def test_an_unreachable_host_does_not_hold_up_the_others():
    begin = time.monotonic()
    with Server(good), Server(lambda r: [], addr="127.0.0.2") as silent:
        result = run("ntpq", "-n", "-c", "timeout 200", "-c", "peers", "-c", "rv", "-c", "sysinfo", "127.0.0.2", "no.such.host.invalid", "127.0.0.1", limit=20)
    assert result.returncode == 2 and "*10.9.0.1 " in result.stdout and "no.such.host.invalid" in result.stderr
    assert len(silent.requests) == 2, "asked twice, once for all commands"
    assert time.monotonic() - begin < 15
