# SPDX-License-Identifier: BSD-2-Clause
"""Round trips: our ntpq and NTPsec's, each against our daemon and NTPsec's, output against output.

What changes from one question to the next (times, counters that the questions themselves raise) is blanked out, column by column, and
nothing else.
"""
import json
import os
import pty
import re
import subprocess

import pytest

import daemons
from lab import Lab, program, wait_until
from ntpwire import ask

TRUTH, OURS, SEC = "192.0.2.11", "192.0.2.1", "192.0.2.2"
AES = "000102030405060708090a0b0c0d0e0f"
KEYS = f"5 AES {AES}\n6 SHA1 00112233445566778899aabbccddeeff00112233\n"
CONF = "keys {keys}\ntrustedkey 5 6\ncontrolkey 5\nrestrict 127.0.0.1\nrestrict ::1\nserver " + TRUTH + " iburst\n"

# The daemons of this file run once for all its tests.
pytestmark = pytest.mark.xdist_group("ntpq")


class World:
    def __init__(self, lab):
        up = lab.node("up", TRUTH)
        daemons.TimeServer(up, {TRUTH: {"stratum": 1, "refid": "GPS", "delay": 0.004}})
        self.ours, self.sec = lab.node("ours", OURS), lab.node("sec", SEC)
        for node in (self.ours, self.sec):
            keys = node.dir / "keys"
            keys.write_text(KEYS)
            keys.chmod(0o600)
        daemons.ntpd(self.ours, CONF.format(keys=self.ours.dir / "keys"))
        daemons.ntpsec(self.sec, "disable ntp\n" + CONF.format(keys=self.sec.dir / "keys"))
        for node in (self.ours, self.sec):
            wait_until(lambda node=node: (rows := daemons.try_peers(node)).get(TRUTH) and rows[TRUTH].reach >= 1, 20, "the source is heard")

    def both(self, node, *args, same=lambda theirs, ours: True):
        """Output of NTPsec's ntpq and of ours in its layout."""
        key = ["-k", node.dir / "keys", "-a", "5"]
        # A sample that comes between the two questions makes the answers differ: that happens once, not four times.
        for _ in range(4):
            result = (daemons.ntpsec_ntpq(node, "-n", *key, *args),
                      node.run([program("ntpq"), "-n", "--layout=ntpsec", *key, *args]))
            if same(*(r.stdout for r in result)):
                break
        return result


@pytest.fixture(scope="module")
def world():
    with Lab("test_ntpq") as lab:
        yield World(lab)


STAMP = (r"[0-9a-f]{8}\.[0-9a-f]{8} [-0-9]{10}T[:.0-9]{12}Z", "<time>")
PERIOD = (r"\b\d\d:\d\d:\d\d\b", "<period>")
COUNT = (r" +\d+(?: +\d+\.\d[ps]/[ps])*(?: +\d+\.\d[ps]/[ps])? *$", " <count>")
# Command, and what in its output is never twice the same.
SAME = {
    "peers": [(r"(\d+ u) +[-\d]+", r"\1 <when>")],
    "apeers": [(r"(\d+ u) +[-\d]+", r"\1 <when>")],
    "opeers": [(r"(\d+ u) +[-\d]+", r"\1 <when>"), (r"\S+$", "<disp>")],
    "associations": [],
    "lassociations": [],
    "rv 0 leap,stratum,precision,rootdelay,refid,tc,mintc,version,processor": [],
    "rv &1 srcadr,srcport,leap,hmode,stratum,hpoll,precision,reach,unreach,flash,keyid,pmode": [],
    "mrv &1 &1 leap,stratum": [],
    "raw": [],
    "cooked": [],
    "sysinfo": [STAMP, (r"(dispersion|distance|jitter|wander):? +\S+", r"\1 <value>")],
    "timerstats": [PERIOD, (r"\d+$", "<count>")],
    "pstats &1": [PERIOD, (r"(next send|change): +\d+", r"\1 <value>")],
    "monstats": [PERIOD, (r"(exists|new): +\d+", r"\1 <count>")],
    "reslist": [(r"^ +\d+", "<hits>")],
    "ifstats": [(r" +\d+ +\d+( +\d+ +\d+) +\d+$", r" <rx> <tx>\1 <up>")],
}


def blank(text, command):
    for pattern, to in SAME[command]:
        text = re.sub(pattern, to, text, flags=re.M)
    return text


@pytest.mark.parametrize("command", SAME)
def test_against_ntpsec_both_print_the_same(world, command):
    theirs, ours = world.both(world.sec, "-c", command, "127.0.0.1", same=lambda a, b: blank(a, command) == blank(b, command))
    assert theirs.stdout and ours.returncode == 0, (theirs, ours)
    assert blank(ours.stdout, command) == blank(theirs.stdout, command)


@pytest.mark.parametrize("command", SAME)
def test_against_our_daemon_both_print_the_same(world, command):
    theirs, ours = world.both(world.ours, "-c", command, "127.0.0.1", same=lambda a, b: blank(a, command) == blank(b, command))
    assert theirs.stdout and ours.returncode == 0, (theirs, ours)
    assert blank(ours.stdout, command) == blank(theirs.stdout, command)


@pytest.mark.parametrize("options", [["-u"], ["-w"], ["-W", "100"], ["-u", "-W", "132"]], ids=" ".join)
@pytest.mark.parametrize("command", ["peers", "apeers", "sysinfo"])
def test_options_change_both_alike(world, options, command):
    for node in (world.sec, world.ours):
        theirs, ours = world.both(node, *options, "-c", command, "127.0.0.1", same=lambda a, b: blank(a, command) == blank(b, command))
        assert blank(ours.stdout, command) == blank(theirs.stdout, command)


@pytest.mark.parametrize("command, title", [("sysstats", "processed for time:"), ("iostats", "packets sent:"), ("authinfo", "CMAC failures:"),
                                            ("kerninfo", "pll time constant:"), ("ntsinfo", "NTS client sends:")])
def test_tables_of_counters_have_the_same_lines(world, command, title):
    """Their numbers move; labels, columns and what is absent do not."""
    for node in (world.sec, world.ours):
        theirs, ours = world.both(node, "-c", command, "127.0.0.1")

        def shape(text):
            return [re.sub(r"[\d:.?]+", "#", re.sub(r" +", " ", line.rstrip())) for line in re.sub(r" +[\d.]+[ps]/[ps]", "", text).splitlines()]
        if node is world.sec or "?" not in theirs.stdout:
            assert title in ours.stdout and shape(ours.stdout) == shape(theirs.stdout)


# What grows, or follows the clock, between two questions.
MOVING = {"clock", "rootdisp", "rootdist", "frequency", "offset", "sys_jitter", "clk_jitter", "clk_wander", "reftime", "rec", "xmt", "timer", "headway",
          "dispersion", "filtdisp", "est_error"}


def test_variables_are_the_same_field_by_field(world):
    for node in (world.sec, world.ours):
        for command in ("rv", "rv &1"):
            def fields(text):
                # NTPsec 1.2.2 sends octets of its memory in the arrays of its filter, which may look like a name, but for the first letter.
                found = {name: value for name, value in re.findall(r"\b([A-Za-z]\w+) ?=(\"[^\"]*\"|[^,]*)", " ".join(text.split("\n")[1:]))
                         if not (node is world.sec and name.startswith("filt"))}
                return {name: "moves" if name in MOVING else value.strip() for name, value in found.items()}
            theirs, ours = world.both(node, "-c", command, "127.0.0.1", same=lambda a, b: fields(a) == fields(b))
            left, right = fields(theirs.stdout), fields(ours.stdout)
            assert list(left) == list(right) and len(left) > 15 and left == right


def test_the_mru_list_is_the_same(world):
    """Clients that were heard and fell silent; ntpq itself is heard anew each time."""
    for target, node in ((OURS, world.sec), (SEC, world.ours)):
        with node.socket() as sock:
            for _ in range(3):
                ask(sock, target, timeout=1, tries=1)
            port = sock.getsockname()[1]
        at = world.ours if target == OURS else world.sec
        rows = []
        for result in world.both(at, "-c", "mrulist", "127.0.0.1"):
            lines = result.stdout.splitlines()
            head = next(i for i, line in enumerate(lines) if line.startswith(" lstint avgint rstr r m v"))
            assert lines[head + 1] == "=" * len(lines[head])
            row, = [line.split() for line in lines[head + 2:] if line.endswith(f" {OURS if node is world.ours else SEC}") and f" {port} " in line]
            assert lines[-3].startswith("# Collected ") and lines[-2].startswith("# Processed ") and lines[-1].startswith("# Used ")
            rows.append(row)
        theirs, ours = rows
        # Interval since the last packet and score go on.  Our daemon numbers restrictions as classic ntpd does, which NTPsec's ntpq does not know.
        assert ours[3] == theirs[3] if at is world.sec else ours[3] in "LK"
        assert ours[1:3] == theirs[1:3] and ours[4:7] == theirs[4:7] and ours[8:] == theirs[8:] and ours[6] == "3" and abs(int(ours[0]) - int(theirs[0])) <= 1


@pytest.mark.parametrize("filters", ["mincount=1000000", "resall=0x4000", "maxlstint=3600", "minlstint=100000", "mindrop=1", "minscore=1000", "minscore=0.0001",
                                     "recent=1", "sort=addr", "limited", "kod", "laddr=127.0.0.1", "laddr=" + OURS, "laddr=198.51.100.1"])
def test_filters_select_the_same_clients(world, filters):
    # Ours numbers restrictions as classic ntpd does, which NTPsec's ntpq does not know; and NTPsec's takes no notice of an address that it does not have.
    nodes = (world.sec,) if filters in ("limited", "kod") else (world.ours,) if filters in ("laddr=" + OURS, "laddr=198.51.100.1") else (world.sec, world.ours)
    for node in nodes:
        theirs, ours = world.both(node, "-c", f"mrulist {filters}", "127.0.0.1")

        def clients(text):
            return [line.split()[-1] for line in text.splitlines() if re.match(r" +\d+ +[\d.]+ +[0-9a-f]+ [.LK] ", line)]
        assert clients(ours.stdout) == clients(theirs.stdout) and "timed out" not in theirs.stderr + ours.stderr and ours.returncode == 0


@pytest.mark.parametrize("daemon", ["sec", "ours"])
def test_configuration_takes_effect_with_the_key_alone(world, daemon):
    node = getattr(world, daemon)
    ntpq = [program("ntpq"), "-n", "-k", node.dir / "keys"]
    wrong = node.run([*ntpq, "-a", "6", "-c", ":config restrict 198.51.100.0/24 ignore", "127.0.0.1"])
    assert wrong.returncode == 2 and "***Server disallowed request (authentication?)" in wrong.stderr
    assert "198.51.100.0" not in node.run([*ntpq, "-a", "5", "-c", "reslist", "127.0.0.1"]).stdout
    right = node.run([*ntpq, "-a", "5", "-c", ":config restrict 198.51.100.0/24 ignore", "-c", "reslist", "127.0.0.1"])
    assert right.returncode == 0 and right.stdout.startswith("Config Succeeded\n")
    assert re.search(r"\n         0 198\.51\.100\.0/24\n           .*\bignore\b.*\n", right.stdout)


def test_every_length_of_a_signed_request_is_understood(world):
    """NTPsec's server moved the place of the MAC between releases."""
    for n in range(8):
        line = f"fooo{'o' * n}"
        result = world.sec.run([program("ntpq"), "-k", world.sec.dir / "keys", "-a", "5", "-c", f":config {line}", "127.0.0.1"])
        assert result.stdout == f"{line}\n^\ncolumn 0 syntax error\n"


def test_the_key_of_the_configuration_is_found(world):
    """For the daemon of the same machine."""
    world.sec.etc("ntp.conf", CONF.format(keys=world.sec.dir / "keys"))
    assert " lo " in world.sec.run([program("ntpq"), "-n", "-c", "ifstats", "localhost"]).stdout
    away = world.sec.run([program("ntpq"), "-n", "-c", "ifstats", OURS])
    assert away.returncode == 2 and "***No key to sign with" in away.stderr


def test_json_of_every_listing(world):
    for node in (world.sec, world.ours):
        commands = ["peers", "opeers", "associations", "rv", "rv &1", "mrv &1 &1", "sysinfo", "sysstats", "kerninfo", "monstats", "iostats",
                    "timerstats", "authinfo", "pstats &1", "mrulist", "ifstats", "reslist"]
        result = node.run([program("ntpq"), "--json", "-n", "-k", node.dir / "keys", "-a", "5", *[a for c in commands for a in ("-c", c)], "127.0.0.1"])
        listings = [json.loads(line) for line in result.stdout.splitlines()]
        assert result.returncode == 0 and len(listings) == len(commands)
        assert all(listing["host"] == "127.0.0.1" and listing["rows"] for listing in listings)


def on_terminal(node, env):
    """What ntpq writes to a terminal."""
    master, slave = pty.openpty()
    try:
        subprocess.run(node.command(["env", "-u", "NO_COLOR", *[f"{k}={v}" for k, v in env.items()], program("ntpq"), "-pn"]), stdout=slave, timeout=10, check=True)
        return os.read(master, 10000).decode()
    finally:
        os.close(slave)
        os.close(master)


def test_colour_is_for_terminals_alone_and_no_color_is_obeyed(world):
    coloured = on_terminal(world.ours, {"TERM": "xterm"})
    assert re.search("\x1b\\[[0-9;]+m[*+ox-]\x1b\\[0m" + re.escape(TRUTH), coloured) and re.search("\x1b\\[3[123]m *[0-7]+\x1b\\[0m", coloured)
    plain = daemons.peers(world.ours)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured).splitlines()[0].split() == "remote refid st t when poll reach delay offset jitter".split()
    assert TRUTH in plain
    for env in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(world.ours, env)
    assert "\x1b[" in on_terminal(world.ours, {"TERM": "xterm", "NO_COLOR": ""}), "an empty NO_COLOR is none"
    assert "\x1b" not in world.ours.run([program("ntpq"), "-pn"]).stdout
