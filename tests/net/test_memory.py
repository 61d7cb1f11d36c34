# SPDX-License-Identifier: BSD-2-Clause
"""Memory that runs out, at any allocation (SYS-11), and memory looked at octet by octet."""
import contextlib
import itertools
import os
import re
import signal
import struct
import subprocess
import time

import pytest

import daemons
from lab import BUILD, DNS_ADDR, program, wait_until
from ntpwire import Control, ask, associations, read_variables, receive
from test_control import OP_CONFIGURE, OP_ORDLIST, signed
from test_faults import CONF, LATER, OURS, UPSTREAM, polls_go_on
from test_sandbox import SANITIZED

SECRET = "00112233445566778899aabbccddeeff0011"


@pytest.fixture
def node(lab):
    return lab.node("node", OURS)


@pytest.fixture
def upstream(lab):
    return daemons.TimeServer(lab.node("up", UPSTREAM), {UPSTREAM: {}})


# ---- memory that runs out ----

class Memory:
    """What tests/security/failmalloc.c is told by."""

    def __init__(self, path):
        self.path = path
        self.tell()

    def tell(self, victim=0, always=0):
        with open(self.path, "r+b" if self.path.exists() else "w+b") as file:
            file.write(struct.pack("III", 0, victim, always))

    def count(self):
        return struct.unpack("III", self.path.read_bytes())[0]

    def env(self):
        return {"FAILMALLOC": str(self.path), "LD_PRELOAD": str(BUILD / "tests/security/failmalloc.so")}


no_preload = pytest.mark.skipif(SANITIZED, reason="a sanitizer has allocation functions of its own")
EVERYTHING = f"""{CONF}keys /etc/ntp.keys
trustedkey 1
server 192.0.2.77 key 1
server nowhere.example
pool pool.example
restrict 10.0.0.0 mask 255.0.0.0 ignore
restrict source
interface listen eth0
statsdir /var/lib/ntp/
statistics loopstats peerstats
setvar owner = "somebody"
"""


@no_preload
def test_any_allocation_that_fails_at_start_is_an_end_with_a_reason_or_done_without(node):
    """Each of them once; a start that goes on all the same is ended after 0.15 s."""
    memory = Memory(node.dir / "memory")
    (node.dir / "etc/ntp.keys").write_text("1 MD5 aSecretOfTwelve\n")
    (node.dir / "ntpd.conf").write_text(EVERYTHING)
    start = [program("ntpd"), "-n", "-l", "stderr", "--software-clock", "--no-sandbox", "-c", node.dir / "ntpd.conf"]
    first = node.start(start, "first", env=memory.env())
    daemons.wait_answers(node)
    first.stop()
    total = memory.count()
    assert total > 60, "failmalloc counts nothing"
    ended = 0
    for victim in range(1, total + 1):
        memory.tell(victim)
        result = node.run(["timeout", "-k", "5", "0.15", *start], env=memory.env())
        assert result.returncode in (0, 1, 124), f"allocation {victim}: {result.returncode} {result.stderr}"
        if result.returncode == 1:
            ended += 1
            assert "memory" in result.stderr, f"allocation {victim}: {result.stderr}"
    assert ended > total / 2


@no_preload
def test_without_memory_packets_are_answered_and_later_all_is_well(node, upstream, lab):
    """While nothing can be allocated: requests, queries, reloads, polls, new addresses.  The packet path allocates nothing."""
    memory = Memory(node.dir / "memory")
    (node.dir / "etc/ntp.keys").write_text("1 MD5 aSecretOfTwelve\n")
    daemon = daemons.ntpd(node, EVERYTHING, env=memory.env())
    daemons.wait_synchronised(node, OURS)
    memory.tell(always=1)
    with node.socket() as sock, node.socket() as other:
        for i in range(24):
            assert ask(sock, OURS, tries=1) is not None, "the server has stopped"
            if i == 0:
                assert memory.count() == 0, "a reply has asked for memory"
            other.sendto(Control(opcode=i % 32).pack(), (OURS, 123))
            if i % 10 == 5:
                daemon.popen.send_signal(signal.SIGHUP)
            if i % 10 == 7:
                subprocess.run(["ip", "-n", node.netns, "addr", "add", f"{LATER[:-2]}{50 + i}/24", "dev", "eth0"], check=True)
            time.sleep(0.3)
    assert memory.count() > 10
    memory.tell()
    daemon.popen.send_signal(signal.SIGHUP)
    polls_go_on(upstream)
    daemons.wait_synchronised(node, OURS)
    assert len(daemon.log().splitlines()) < 120
    assert daemon.stop() == 0


class Starved:
    """Our daemon, whose n-th allocation from a moment on fails, and what it says of itself."""

    def __init__(self, node, conf):
        self.node, self.memory, self.sequence = node, Memory(node.dir / "memory"), itertools.count(0x100)
        (node.dir / "etc/ntp.keys").write_text(f"1 SHA1 {SECRET}\n2 SHA1 {SECRET[::-1]}\n")
        (node.dir / "etc/ntp.keys").chmod(0o600)
        self.conf = "keys /etc/ntp.keys\ntrustedkey 1\ncontrolkey 1\nrestrict default\n" + conf
        self.daemon = daemons.ntpd(node, self.conf, env=self.memory.env())
        daemons.wait_answers(node)

    def lines(self):
        return self.daemon.log().splitlines()

    def send(self, text, op=OP_CONFIGURE):
        """The answer to a signed request, whatever it says; None if nothing comes."""
        parts = {}
        with self.node.socket() as sock:
            sock.sendto(signed(op, text, 1, SECRET, next(self.sequence)), ("127.0.0.1", 123))
            while True:
                data, _ = receive(sock, 1)
                if data is None:
                    return None
                _, second, _, status, _, offset, count = struct.unpack("!BBHHHHH", data[:12])
                parts[offset] = data[12:12 + count]
                if second & 0x60 == 0 or second & 0x40:
                    return b"".join(parts[o] for o in sorted(parts)).decode() or f"error {status >> 8}"

    def rules(self):
        """The restrict entries in force as the daemon lists them, but for those that come with sources, and for how often each was met."""
        found = {}
        for name, number, value in re.findall(r'(addr|mask|flags)\.(\d+)="?([^",\r\n]*)', self.send("addr_restrictions", OP_ORDLIST)):
            found.setdefault(int(number), {})[name] = value
        assert found and all(len(rule) == 3 for rule in found.values())
        return [rule for rule in found.values() if "source" not in rule["flags"]]

    def state(self):
        """All that a configuration decides and that can be asked for."""
        with self.node.socket() as sock:
            found = associations(sock, "127.0.0.1")
            sources = {read_variables(sock, "127.0.0.1", a, "srchost,srcadr,hmode")["srcadr"] for a in found}
            owner = [read_variables(sock, "127.0.0.1", 0, name).get(name) for name in ("owner",)]
        return sources, owner, self.rules()


A = "setvar owner = a\nserver 192.0.2.71\nrestrict 10.0.0.0 mask 255.0.0.0 ignore\nrestrict 10.1.0.0 mask 255.255.0.0 noquery\ninterface listen eth0\n"
B = """setvar owner = b
server 192.0.2.72
pool 192.0.2.73
peer 192.0.2.75
server 192.0.2.74
unpeer 192.0.2.74
server 127.127.1.0
fudge 127.127.1.0 stratum 7
restrict 10.2.0.0 mask 255.255.0.0 ignore
restrict 2001:db8:5::1 noserve
restrict source nomodify
interface listen all
trustedkey 2
driftfile /var/lib/ntp/drift
"""


@no_preload
def test_any_allocation_that_fails_at_a_reload_leaves_the_old_configuration_and_one_line(node):
    """Each of them once, on the way from one file to another.  Once the file has been read, what fails costs one source or option, and a line."""
    starved = Starved(node, A)
    old_file, new_file, path = starved.conf, starved.conf.replace(A, B), node.dir / "ntpd.conf"

    def reload(text, victim):
        before = len(starved.lines())
        path.write_text(text)
        starved.memory.tell(victim)
        starved.daemon.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: any("configuration" in line for line in starved.lines()[before:]), 5, "the end of a reload", interval=0.01)
        count = starved.memory.count()
        starved.memory.tell()
        return starved.lines()[before:], count

    old = starved.state()
    _, total = reload(new_file, 0)
    new = starved.state()
    assert total > 40 and old != new
    reload(old_file, 0)
    assert starved.state() == old
    refused = 0
    for victim in range(1, total + 1):
        said, _ = reload(new_file, victim)
        assert starved.daemon.alive()
        now = starved.state()
        if "stays as it is" in said[-1]:
            refused += 1
            assert len(said) == 1 and "Cannot allocate memory" in said[0], f"allocation {victim}: {said}"
            assert now == old, f"allocation {victim} leaves half a configuration"
            continue
        assert any("configuration read again" in line for line in said), f"allocation {victim}: {said}"
        assert now[1:] == new[1:], f"allocation {victim}: {said}"
        assert now[0] <= new[0] and (now[0] == new[0] or len(said) > 1), f"allocation {victim}: {said}"
        reload(old_file, 0)
        assert starved.state() == old, f"allocation {victim} leaves something behind"
    assert refused > 20


LINES = [  # a line of ntpq's, and what takes it back
    ("setvar colour = green", None),
    ("server 192.0.2.81 iburst", "unpeer 192.0.2.81"),
    ("server time.example iburst", "unpeer time.example"),
    ("pool pool.example iburst", "unpeer pool.example"),
    ("peer 192.0.2.82", "unpeer 192.0.2.82"),
    ("restrict 10.7.0.0 mask 255.255.0.0 ignore", "delrestrict 10.7.0.0 mask 255.255.0.0"),
    ("restrict 2001:db8:9::1 ignore", "delrestrict 2001:db8:9::1"),
    ("interface ignore eth7", None),
    ("trustedkey 2", None),
    ("mru maxdepth 700", None),
]


@no_preload
def test_any_allocation_that_fails_when_ntpq_changes_something_is_told_and_half_of_nothing_stays(node, lab):
    """Lines that make sources have those looked up and mobilised too."""
    names = lab.node("dns", DNS_ADDR)
    daemons.Names(names, {"time.example": "192.0.2.91", "pool.example": ["192.0.2.92", "192.0.2.93"]})
    starved = Starved(node, A)
    rules, failed, tried = starved.rules(), 0, 0

    def change(line, victim):
        starved.memory.tell(victim)
        answer = starved.send(line)
        if ".example" in line:
            time.sleep(0.06)    # for the name server
        count = starved.memory.count()
        starved.memory.tell()
        return answer, count

    for line, back in LINES:
        answer, total = change(line, 0)
        assert "Succeeded" in answer and total > 0, (line, answer)
        changed = starved.rules()
        for victim in range(1, total + 2):
            if back:
                starved.send(back)
            assert not back or starved.rules() == rules
            answer, _ = change(line, victim)
            tried += 1
            assert answer is not None and starved.daemon.alive(), (line, victim)
            now = starved.rules()
            assert now == changed or ("Succeeded" not in answer and now == rules), (line, victim, answer)
            failed += "Succeeded" not in answer
        if back:
            starved.send(back)
    assert tried > 60 and failed > 5
    assert starved.rules() == rules
    assert "Succeeded" in starved.send("server time.example iburst")
    with node.socket() as sock:
        wait_until(lambda: any(read_variables(sock, "127.0.0.1", a, "srcadr")["srcadr"] == "192.0.2.91" for a in associations(sock, "127.0.0.1")), 10, "a name is found")
    # Each try is two lines of configuration, each told as it came and by what came of it, and may make a source: no line of memory repeats itself.
    assert len(starved.lines()) < 5 * tried


# ---- memory, looked at octet by octet ----

@pytest.mark.skipif(SANITIZED, reason="a sanitizer and valgrind do not go together")
def test_valgrind_finds_nothing_in_a_run_from_start_to_end(node, upstream, lab):
    """Sources by name and by number, requests, queries, rubbish, a reload, an address that comes and goes, and the end."""
    daemons.Names(lab.node("dns", DNS_ADDR), {"time.example": UPSTREAM})
    (node.dir / "etc/ntp.keys").write_text("1 MD5 aSecretOfTwelve\n")
    (node.dir / "ntpd.conf").write_text(EVERYTHING.replace(f"server {UPSTREAM}", "server time.example") + "restrict 127.0.0.1\n")
    daemon = node.start(["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible",
                         program("ntpd"), "-n", "-l", "stderr", "--software-clock", "--no-sandbox", "-c", node.dir / "ntpd.conf"], "valgrind")
    daemons.wait_answers(node, OURS, timeout=20)
    daemons.wait_synchronised(node, OURS, timeout=60)
    with node.socket() as sock, node.socket() as other:
        for i in range(64):
            ask(sock, OURS, timeout=0.2, tries=1)
            other.sendto(Control(opcode=i % 32, data=b"a,b=\"c" * (i % 9)).pack(), (OURS, 123))
            other.sendto(os.urandom(i * 7), (OURS, 123))
    subprocess.run(["ip", "-n", node.netns, "addr", "add", f"{LATER}/24", "dev", "eth0"], check=True)
    for command in ("peers", "rv", "mrulist", "sysstats", "ifstats", "reslist"):
        node.run([program("ntpq"), "-n", "-c", command, OURS])
    daemon.popen.send_signal(signal.SIGHUP)
    subprocess.run(["ip", "-n", node.netns, "addr", "del", f"{LATER}/24", "dev", "eth0"], check=True)
    time.sleep(1)
    assert daemon.stop(timeout=20) == 0, daemon.log()
    assert "==" not in daemon.log(), daemon.log()
