# SPDX-License-Identifier: BSD-2-Clause
"""ntpq as people and scripts use it: at a terminal, on many hosts, by exit status, with JSON, with files of configuration."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

import daemons
import test_ntpq
from lab import TOP, Lab, program, wait_until

pytestmark = pytest.mark.xdist_group("ntpq-use")

OURS, A, NOBODY, OTHER = "192.0.2.1", "192.0.2.11", "192.0.2.12", "192.0.2.21"
SILENT = [f"192.0.2.{n}" for n in range(31, 36)]
SECRET = "00112233445566778899aabbccddeeff00112233"


class World:
    """A daemon that says nothing to ::1, and hosts that say nothing at all."""

    def __init__(self, lab):
        up = lab.node("up", A, NOBODY)
        daemons.TimeServer(up, {A: {"stratum": 1}})
        self.mute = lab.node("mute", *SILENT)
        daemons.ntpd(self.mute, "restrict default ignore\n", name="mute")
        self.node = lab.node("node", OURS)
        self.keys = self.node.dir / "keys"
        self.keys.write_text(f"7 SHA1 {SECRET}\n8 SHA1 {SECRET[::-1]}\n")
        self.keys.chmod(0o600)
        daemons.ntpd(self.node, f"server {A} iburst\nserver 127.127.1.0\nfudge 127.127.1.0 stratum 10\nrestrict default\nrestrict ::1 noquery\n"
                     f"keys {self.keys}\ntrustedkey 7 8\ncontrolkey 7\nsaveconfigdir /var/lib/ntp\n")
        daemons.wait_synchronised(self.node)

    def ntpq(self, *args, **kwargs):
        return self.node.run([program("ntpq"), "-n", *args], **kwargs)

    def keyed(self, *commands, key=7, host="127.0.0.1"):
        return self.ntpq("-k", self.keys, "-a", str(key), *[a for c in commands for a in ("-c", c)], host)


@pytest.fixture(scope="module")
def world():
    with Lab("ntpq-use") as lab:
        yield World(lab)


# ---- hosts ----

def test_localhost_is_asked_at_its_other_address_where_the_first_says_nothing(world):
    assert world.node.run(["getent", "ahosts", "localhost"]).stdout.startswith("::1"), "IPv6 comes first"
    for args in (("-p",), ("-p", "localhost"), ("-c", "rv 0 leap", "-c", "peers", "localhost")):
        start = time.monotonic()
        result = world.ntpq(*args)
        assert result.returncode == 0 and re.search(rf"^[* ]{A} ", result.stdout, re.M) and result.stderr == "", result
        assert time.monotonic() - start < 2
    only = world.ntpq("-6", "-c", "timeout 100", "-c", "rv 0 leap", "localhost")
    assert only.returncode == 2 and "timed out" in only.stderr


def test_hosts_that_say_nothing_are_waited_for_all_at_once(world):
    start = time.monotonic()
    result = world.ntpq("-c", "rv 0 stratum", SILENT[0], SILENT[1], "127.0.0.1", SILENT[2], SILENT[3], OURS, timeout=60)
    assert time.monotonic() - start < 8, "one wait, not ten"
    assert result.returncode == 2 and result.stdout.count("stratum=") == 2, result
    for host in SILENT[:4]:
        assert f"{host}: timed out, nothing received\n***Request timed out\n" in result.stderr
    start = time.monotonic()
    assert world.ntpq("-p", "127.0.0.1", OURS).returncode == 0 and time.monotonic() - start < 2, "who answers is not waited for"


def test_one_of_the_addresses_of_a_host_may_say_nothing(world):
    world.node.etc("hosts", f"127.0.0.1 localhost\n::1 localhost\n{SILENT[4]} two.example\n{OURS} two.example\n")
    start = time.monotonic()
    results = [world.node.run([program("ntpq"), "-n", "-c", "rv 0 stratum", "two.example"]) for _ in "ab"]
    assert all(r.stdout == "stratum=2\n" and r.returncode == 0 for r in results), results
    assert time.monotonic() - start < 6


# ---- exit status ----

@pytest.mark.parametrize("args, status", [
    (["-c", "rv 0 leap", "127.0.0.1"], 0), (["-c", "help", "127.0.0.1"], 0), (["--version"], 0), (["--help"], 0), (["-?"], 0),
    (["-c", "rv 0 fooo", "127.0.0.1"], 2), (["-c", "rv 1", "127.0.0.1"], 2), (["-c", "rv &99", "127.0.0.1"], 2), (["-c", "cv 1", "127.0.0.1"], 2),
    (["-c", "fooo", "127.0.0.1"], 2), (["-c", "p", "127.0.0.1"], 2), (["-c", "pstats", "127.0.0.1"], 2), (["-c", "mrulist fooo=1", "127.0.0.1"], 2),
    (["-c", "timeout 100", "-c", "rv", SILENT[0]], 2), (["-c", "rv", NOBODY], 2), (["-c", "rv", "nowhere.invalid"], 2),
    (["-c", "ifstats", OURS], 2), (["-c", "rv 0 leap", "-c", "fooo", "127.0.0.1"], 2),
    (["--fooo"], 1), (["-c"], 1), (["-k", "/nowhere"], 1), (["-a", "0"], 1), (["-i", "-p"], 1), (["-W", "1"], 1), (["-r", "x"], 1), (["-D", "x"], 1),
    (["--layout", "x"], 1), (["-l", "/nowhere/x"], 1),
], ids=lambda v: " ".join(v) if isinstance(v, list) else str(v))
def test_the_exit_status_says_whether_all_was_had(world, args, status):
    result = world.ntpq(*args)
    assert result.returncode == status, result
    assert bool(result.stderr) == (status != 0), result


def test_a_wrong_key_and_a_refused_line_are_failures(world):
    assert world.keyed("ifstats", key=8).returncode == 2
    assert world.keyed(":config fooo").returncode == 2
    assert world.keyed(":config driftfile /x").returncode == 2
    assert world.keyed(":config setvar a = 1").returncode == 0


# ---- JSON ----

LISTINGS = ["peers", "apeers", "lpeers", "opeers", "lopeers", "rpeers", "associations", "lassociations", "passociations", "lpassociations", "rv", "rl",
            "readlist", "readvar 0 leap", "rv &1", "mrv &1 &2", "mrl &1 &2", "cv", "cl", "clockvar &2 device", "sysinfo", "sysstats", "kerninfo", "monstats", "iostats",
            "timerstats", "authinfo", "ntsinfo", "pstats &1", "mrulist", "ifstats", "reslist"]


@pytest.mark.parametrize("layout", ["classic", "ntpsec"])
def test_every_listing_is_had_as_json(world, layout):
    result = world.ntpq("--json", "--layout", layout, "-k", world.keys, "-a", "7", *[a for c in LISTINGS for a in ("-c", c)], "127.0.0.1")
    assert result.returncode == 0 and result.stderr == "", result
    listings = [json.loads(line) for line in result.stdout.splitlines()]
    # Of a range there is one for each association.
    assert len(listings) == sum(2 if "&1 &2" in c else 1 for c in LISTINGS)
    for listing in listings:
        assert listing["host"] == "127.0.0.1" and listing["rows"] and all(isinstance(row, dict) and row for row in listing["rows"]), listing
    text = {c: json.dumps(listing) for c, listing in zip([c for c in LISTINGS for _ in range(2 if "&1 &2" in c else 1)], listings)}
    assert A in text["peers"] and "LOCAL" in text["cv"] and "127.0.0.1" in text["mrulist"] and "192.0.2" in text["reslist"], text


def test_what_cannot_be_had_is_no_json(world):
    result = world.ntpq("--json", "-c", "rv 1", "-c", "rv 0 leap", "127.0.0.1")
    assert result.returncode == 2 and len(result.stdout.splitlines()) == 1 and "Association ID 1 unknown" in result.stderr


# ---- changes, end to end ----

def test_lines_of_a_file_are_obeyed_and_the_result_is_saved(world):
    path = world.node.dir / "lines.conf"
    path.write_text("# a comment\nsetvar colour = green default\n\nfooo\nsetvar shape = round\n")
    result = world.keyed(f"config-from-file {path}")
    assert "Sending configuration file, one line at a time." in result.stdout and result.stdout.rstrip().endswith("Done sending file")
    assert "Line No: 2 Config Succeeded: setvar colour" in result.stdout and "Line No: 5 Config Succeeded" in result.stdout, result
    assert re.search(r"^Line No: 4 .*unknown directive 'fooo'", result.stdout, re.M) and result.returncode == 2, result
    assert 'colour=green' in world.ntpq("-c", "rv 0 colour,shape", "127.0.0.1").stdout
    assert "Configuration saved to now.conf" in world.keyed("saveconfig now.conf").stdout
    saved = (world.node.dir / "lib/ntp/now.conf").read_text()
    assert 'setvar colour = "green" default\n' in saved and f"server {A} iburst\n" in saved
    assert 'savedconfig="now.conf"' in world.ntpq("-c", "rv 0 savedconfig", "127.0.0.1").stdout
    checked = world.node.run([program("ntpd"), "--check-config", "/var/lib/ntp/now.conf"])
    assert checked.returncode == 0, checked
    warned = world.keyed(":config restrict 198.51.100.1 limited", ":config disable monitor")
    assert warned.returncode == 0 and "Config Succeeded\nwarning: " in warned.stdout, warned
    again = world.keyed("saveconfig now.conf")
    assert again.returncode == 2 and "unable to save" in again.stdout + again.stderr, again
    assert world.keyed("saveconfig ../x").returncode == 2
    written = world.keyed("writevar 0 colour=blue", "rv 0 colour")
    assert written.returncode == 0 and "colour=blue" in written.stdout, written


# ---- a terminal ----

class Terminal:
    """ntpq with somebody at its terminal."""

    def __init__(self, node, *args):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(node.command(["env", "TERM=vt100", program("ntpq"), "-n", *args]), stdin=slave, stdout=slave, stderr=slave,
                                        preexec_fn=self._log_in)
        os.close(slave)
        self.text = ""

    @staticmethod
    def _log_in():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        # A shell that starts the tests in the background has them ignore it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def wait_for_editor(self):
        """The prompt is there a moment before keys are the editor's; what ^C and ^D are until then is the terminal's to say."""
        wait_until(lambda: not termios.tcgetattr(self.master)[3] & termios.ICANON, 3, "lines are edited")

    def read(self, pattern, timeout=5):
        end = time.monotonic() + timeout
        while not re.search(pattern, self.text):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], f"no {pattern!r} in {self.text!r}"
            try:
                self.text += os.read(self.master, 10000).decode(errors="replace")
            except OSError:     # nobody there any more
                break
        match = re.search(pattern, self.text)
        assert match, f"no {pattern!r} in {self.text!r}"
        self.text = self.text[match.end():]
        return match

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self, timeout=5):
        status = self.process.wait(timeout)
        os.close(self.master)
        return status


def test_a_session_has_a_prompt_an_editor_and_a_history(world):
    t = Terminal(world.node, "127.0.0.1")
    t.read("ntpq> ")
    t.type("rv 0 x\bstratun\bm\n")     # rubbed out and typed anew
    t.read("stratum=2\r\n")
    t.read("ntpq> ")
    t.type("host\n")
    t.read("current host is 127.0.0.1\r\n")
    t.read("ntpq> ")
    t.type("\x1b[A\x1b[A\n")          # two lines up
    t.read("stratum=2\r\n")
    t.read("ntpq> ")
    t.type("rv 0 fooo\x01# \x01\x0b" + "rv 0 leap\n")   # to the beginning, the rest cut off
    t.read("leap=00\r\n")
    t.read("ntpq> ")
    t.wait_for_editor()
    t.type("\x04")
    assert t.end() == 0


def test_an_interrupt_ends_the_command_and_not_the_session(world):
    t = Terminal(world.node, SILENT[0])
    t.read("ntpq> ")
    start = time.monotonic()
    t.type("rv\n")
    t.read("rv\r\n")
    time.sleep(0.3)
    t.type("\x03")
    t.read(r"\*\*\*Interrupted\r\n")
    t.read("ntpq> ")
    assert time.monotonic() - start < 4
    t.type("host 127.0.0.1\nrv 0 leap\n")
    t.read("leap=00\r\n")
    t.read("ntpq> ")
    t.type("exit\n")
    assert t.end() == 0


def test_an_interrupt_at_the_prompt_leaves_the_terminal_as_it_was(world):
    t = Terminal(world.node, "127.0.0.1")
    t.read("ntpq> ")
    t.wait_for_editor()
    t.type("\x03")
    assert t.process.wait(5) == -signal.SIGINT
    left = termios.tcgetattr(t.master)[3]
    os.close(t.master)
    assert left & termios.ICANON and left & termios.ECHO


# ---- nothing forgotten ----

def commands_of(text):
    return set(re.findall(r"[:?a-z_-]+", text.split(":", 1)[1]))


def test_every_command_of_both_is_compared_or_has_its_test(world):
    """What both programs list as their commands."""
    theirs = daemons.ntpsec_ntpq(world.node, "-c", "help", "127.0.0.1").stdout
    ours = world.ntpq("-c", "help", "127.0.0.1").stdout
    both = commands_of(theirs) & commands_of(ours)
    assert len(both) > 50, (theirs, ours)
    assert commands_of(theirs) - commands_of(ours) <= {"ntpq", "commands"}, "they have nothing that we have not"
    compared = {c.split()[0] for c in test_ntpq.SAME} | {"sysstats", "iostats", "authinfo", "kerninfo", "ntsinfo", "mrulist", ":config"}
    tests = ("net/test_ntpq.py", "net/test_ntpq_use.py", "compat/test_command_line.py", "tools/test_hostile.py", "tools/test_hostile_lists.py")
    named = "\n".join((TOP / "tests" / name).read_text(encoding="utf-8") for name in tests)
    assert {c for c in both - compared if not re.search(rf"[\"'\\n]{re.escape(c)}\b", named)} == set()


def test_settings_of_both_are_alike(world):
    """What a session says of itself."""
    text = "keyid 7\nkeyid\nkeytype MD5\ntimeout 700\ntimeout\ndelay 20\ndelay\nntpversion 3\nntpversion\nhostnames no\nhostnames\ndirect\ndirect\nraw\ncooked\n"
    theirs = daemons.ntpsec_ntpq(world.node, "127.0.0.1", input=text)
    ours = world.ntpq("--layout=ntpsec", "127.0.0.1", input=text)
    said = [[re.sub(r"[^a-z0-9]+", " ", line.lower().replace("ntpq> ", "")).strip() for line in r.stdout.splitlines() if line.strip(" ntpq>")] for r in (theirs, ours)]
    for words in ("keyid is 7", "ntp version being claimed is 3", "direct mode is on", "direct mode is off", "output set to raw", "output set to cooked"):
        assert words in said[0] and words in said[1], (words, said)
