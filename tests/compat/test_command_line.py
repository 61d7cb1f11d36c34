# SPDX-License-Identifier: BSD-2-Clause
"""What options of ntpd, signals, options of ntpq and its commands do, as far as no other test looks at it."""
import os
import pathlib
import re
import signal

import pytest

import daemons
from known import Known
from lab import DNS_ADDR, Lab, program, wait_until

OURS, A, ALIAS = "192.0.2.1", "192.0.2.11", "192.0.2.77"
LONG = "a-server-with-a-long-name.example"


@pytest.fixture
def node(lab):
    return lab.node("node", OURS)


def start(node, *args, conf="restrict default\n", may_end=False):
    """ntpd with nothing but what the test gives it and the software clock."""
    node.etc("ntp.conf", conf)
    return node.start([program("ntpd"), "--software-clock", *args], "ntpd", may_end=may_end)


# ---- ntpd ----

@pytest.mark.parametrize("option", ["-d", "--debug", "--debug-level"])
def test_debugging_stays_in_the_foreground_and_logs_to_stderr(node, option):
    daemon = start(node, option, "-p", "/run/ntpd.pid")
    daemons.wait_answers(node)
    assert daemon.alive() and (node.dir / "run/ntpd.pid").read_text().strip() == str(daemon.pid)
    assert "Starting" in daemon.log()


def test_jail_is_the_root_directory(node):
    jail = node.dir / "jail"
    (jail / "etc").mkdir(parents=True)
    daemon = start(node, "-n", "-l", "stderr", "-i", str(jail))
    daemons.wait_answers(node)
    assert os.readlink(f"/proc/{daemon.pid}/root") == str(jail), daemon.log()


def test_virtual_addresses_are_left_out(lab):
    node, asker = lab.node("node", OURS), lab.node("asker", "192.0.2.2")
    node.run(["ip", "addr", "add", f"{ALIAS}/24", "dev", "eth0", "label", "eth0:1"])
    daemon = start(node, "-n", "-l", "stderr", "-L")
    daemons.wait_answers(asker, OURS)
    with asker.socket() as sock:
        assert daemons.ask(sock, ALIAS, timeout=0.3, tries=2) is None, daemon.log()
    daemon.stop()
    start(node, "-n", "-l", "stderr")
    daemons.wait_answers(asker, ALIAS)


def test_options_are_printed_as_understood(node):
    result = node.run([program("ntpd"), "-R", "-gN", "-c/etc/some.conf", "--driftfile=/d", "-w", "30", "host.example"])
    assert result.returncode == 0
    assert {"configfile=/etc/some.conf", "driftfile=/d", "panicgate=1", "nice=1", "wait-sync=30", "server=host.example"} \
        <= set(result.stdout.split())


@pytest.mark.parametrize("program_name", ["ntpd", "ntpq", "ntpwait"])
def test_question_mark_is_help(node, program_name):
    result = node.run([program(program_name), "-?"])
    assert result.returncode == 0 and "usage" in result.stdout and result.stderr == ""


@pytest.mark.parametrize("key", ["0", "65536", "-1", "x", "7x", ""])
def test_key_that_is_none_is_a_usage_error(node, key):
    result = node.run([program("ntpd"), "-t", key, "-R"])
    assert result.returncode == 1 and "is not a key number from 1 to 65535" in result.stderr


# ---- signals ----

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_signal_ends_it_with_zero(node, number):
    daemon = start(node, "-n", "-l", "stderr", may_end=True)
    daemons.wait_answers(node)
    assert daemon.stop(number) == 0
    assert re.search(rf"signal {int(number)}\b", daemon.log()), daemon.log()


def test_signals_change_the_debugging_level(node):
    daemon = start(node, "-n", "-l", "stderr")
    daemons.wait_answers(node)
    for number, level in ((signal.SIGUSR1, 1), (signal.SIGUSR1, 2), (signal.SIGUSR2, 1), (signal.SIGUSR2, 0)):
        said = daemon.log().count(f"debug level is {level}")
        daemon.popen.send_signal(number)
        wait_until(lambda said=said, level=level: daemon.log().count(f"debug level is {level}") > said, 3, f"level {level}")
    daemon.popen.send_signal(signal.SIGPIPE)
    assert daemons.wait_answers(node)


# ---- ntpq ----

class Asked:
    """A synchronised daemon that ntpq asks."""

    def __init__(self, lab):
        up = lab.node("up", A, DNS_ADDR)
        daemons.Names(up, {LONG: A})
        daemons.TimeServer(up, {A: {"stratum": 2, "refid": "GPS"}})
        self.node = lab.node("asked", OURS)
        daemons.ntpd(self.node, f"server {LONG} iburst\nrestrict default\nrestrict ::1 ignore\n")
        daemons.wait_synchronised(self.node)

    def ntpq(self, *args, input=None, timeout=20):
        return self.node.run([program("ntpq"), *args], input=input, timeout=timeout)

    def says(self, *args, **kwargs):
        result = self.ntpq(*args, **kwargs)
        assert result.returncode == 0, result
        return result.stdout


@pytest.fixture(scope="module")
def asked():
    with Lab("asked") as lab:
        yield Asked(lab)


pytestmark = pytest.mark.xdist_group("command-line")
HOST = "127.0.0.1"

# What a command prints that is its own.
COMMANDS = {
    "?": r"^ntpq commands:", "help": r"^ntpq commands:", "help rv": r"^usage: +(rv|readvar)", "apeers": r"assid", "associations": r"^ind assid status",
    "lassociations": r"^ind assid status", "passociations": r"^ind assid status|^$", "lpassociations": r"^ind assid status|^$",
    "authinfo": r"^stored keys: +\d", "iostats": r"^received packets: +\d", "kerninfo": r"^pll frequency: +\S", "monstats": r"^addresses: +\d",
    "sysinfo": rf"^system peer: +{A}:123", "sysstats": r"^packets received: +\d", "timerstats": r"^calls to transmit: +\d",
    "peers": rf"^\*{A} ", "lpeers": rf"^\*{A} ", "opeers": rf"^\*{A} +{OURS} ", "lopeers": r"disp$",
    "rpeers": r"T remote$", "pstats &1": rf"^remote host: +{A}:123", "rv &1": rf"srcadr={A}", "rl &1": rf"srcadr={A}", "readlist": r"stratum=3",
    "readvar 0 stratum": r"^stratum=3$", "rl": r"stratum=3", "rv": r"stratum=3", "mreadvar &1 &1 stratum": r"stratum=2", "mrv &1 &1": rf"srcadr={A}",
    "mreadlist &1 &1": rf"srcadr={A}", "mrl &1 &1 reach": r"reach=\d", "host": r"^current host is ", "host 127.0.0.1": r"^current host set to",
    "hostnames": r"^hostnames not being shown", "ntpversion": r"^NTP version being claimed is 2",
    "timeout": r"^primary timeout 5000 ms", "debug": r"^debug level is 0", "drefid": r"^drefid value is",
    "raw": r"^Output set to raw", "cooked": r"^Output set to cooked", "version": r"^ntpq truechimer",
}


# Commands by what a session that has them prints; those that our ntpq does not have yet wait.
SESSIONS = {
    "delay": ("delay 33\ndelay\n", r"^delay 33 ms$"),
    "doflake": ("timeout 100\ndoflake 1\nrv 0 leap\n", r"^\S+: timed out, nothing received$"),
    "noflake": ("doflake 1\nnoflake\nrv 0 leap\n", r"^leap=00$"),
    "units": ("layout ntpsec\nunits\npeers\n", r"\d[mun\u00b5]s\b"),
    "ntsinfo": ("ntsinfo\n", r"^NTS client sends:"),
    "mssntpinfo": ("mssntpinfo\n", r"(?i)ms-?sntp|requests"),
    "logfile": ("logfile\n", r"^debug lines go to standard error$"),
}
KNOWN = Known()


@pytest.mark.parametrize("command", SESSIONS)
def test_session_does_what_its_command_says(asked, command):
    if command not in KNOWN.commands:
        pytest.skip("not there yet")
    text, pattern = SESSIONS[command]
    result = asked.ntpq("-n", HOST, input=text)
    assert re.search(pattern, result.stdout + result.stderr, re.MULTILINE), result


def test_debug_lines_go_to_a_file(asked):
    if KNOWN.ntpq("l", "logfile") != "in force":
        pytest.skip("not there yet")
    path = asked.node.dir / "debug.lines"
    quiet = asked.ntpq("-d", "-l", str(path), "-c", "rv 0 leap", HOST)
    assert quiet.stdout == "leap=00\n" and quiet.stderr == "" and path.stat().st_size > 0


@pytest.mark.parametrize("command", COMMANDS)
def test_command_prints_what_is_its_own(asked, command):
    out = asked.says("-n", "-c", command, HOST)
    assert re.search(COMMANDS[command], out, re.MULTILINE), out


@pytest.mark.parametrize("command", ["exit", "quit"])
def test_command_ends_the_session(asked, command):
    assert asked.says(HOST, input=f"{command}\nrv\n") == ""


@pytest.mark.parametrize("command", ["clockvar", "cv", "clocklist", "cl"])
def test_clock_variables_of_a_server_are_refused(asked, command):
    assert re.search(r"association|clock", asked.ntpq("-c", f"{command} &1", HOST).stderr, re.IGNORECASE)


def test_settings_of_a_session_change_what_comes_after(asked):
    out = asked.says(HOST, input="raw\nrv 0 reftime\ncooked\nrv 0 reftime\n")
    assert re.search(r"^reftime=0x[0-9a-f]{8}\.[0-9a-f]{8}$", out, re.MULTILINE), out
    assert re.search(r"^reftime=[0-9a-f]{8}\.[0-9a-f]{8} +\w{3}, ", out, re.MULTILINE), out
    assert "refid=71.80" not in asked.says("-c", "drefid hash", "-c", "peers", HOST)
    assert asked.says("-c", "hostnames no", "-c", "peers", HOST).count(A) == 1
    assert re.search(r"^primary timeout 700 ms$", asked.says("-c", "timeout 700", "-c", "timeout", HOST), re.MULTILINE)


def test_numeric_shows_addresses(asked):
    assert f"*{A} " in asked.says("-n", "-p", HOST) and f"*{A} " not in asked.says("-p", HOST)


def test_wide_gives_a_long_name_a_line(asked):
    assert f"*{LONG}\n" in asked.says("-p", "-w", HOST) and LONG not in asked.says("-p", HOST)


def test_width_is_that_of_the_lines(asked):
    narrow, wide = (asked.says("-W", columns, "-c", "rv", HOST).splitlines()[1:] for columns in ("50", "200"))
    assert max(map(len, narrow)) < 60 < max(map(len, wide)) and len(wide) < len(narrow), "one item may be longer than a line"


def test_refid_as_a_hash_or_an_address(asked):
    hashed, quad = (asked.says("-r", how, "-p", HOST) for how in ("hash", "ipv4"))
    assert "71.80.83.0" in quad and "71.80.83.0" not in hashed and "47505300" in hashed.lower()


def test_old_rv_keeps_the_status_line(asked):
    assert "status=" in asked.says("--old-rv", "-c", "rv 0 leap", HOST) and "status=" not in asked.says("-c", "rv 0 leap", HOST)


def test_interactive_prompts_without_a_terminal(asked):
    assert "ntpq> " in asked.says("-i", HOST, input="rv 0 stratum\n") and "ntpq> " not in asked.says(HOST, input="rv 0 stratum\n")


@pytest.mark.parametrize("option", [("-d",), ("-D", "2"), ("--debug-level",), ("--set-debug-level=2",)])
def test_debugging_tells_of_packets(asked, option):
    quiet, loud = asked.ntpq("-c", "rv 0 leap", HOST), asked.ntpq(*option, "-c", "rv 0 leap", HOST)
    assert len(loud.stdout + loud.stderr) > len(quiet.stdout + quiet.stderr)


def test_family_is_that_asked_for(asked):
    """The daemon answers questions from 127.0.0.1 and none from ::1."""
    assert asked.says("-4", "-c", "rv 0 stratum", "localhost") == "stratum=3\n"
    assert "timed out" in asked.ntpq("-6", "-c", "timeout 100", "-c", "rv 0 stratum", "localhost").stderr


def test_version_is_one_line(asked):
    for option in ("-V", "--version"):
        assert re.fullmatch(r"ntpq truechimer\S+.*\n", asked.says(option))


def test_help_lists_the_options(asked):
    for option in ("-h", "--help"):
        assert "--command" in asked.says(option)
