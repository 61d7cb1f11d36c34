# SPDX-License-Identifier: BSD-2-Clause
"""Our programs with Debian's chrony and ntpsec, each as the other's upstream, client and questioner."""
import re

import pytest

import daemons
from lab import Lab, program, wait_until
from ntpwire import ask

pytestmark = pytest.mark.xdist_group("interop")

TRUTH, CHRONY, NTPSEC, OURS = "192.0.2.10", "192.0.2.20", "192.0.2.30", "192.0.2.1"
OURS6, TRUTH6 = "2001:db8::1", "2001:db8::10"

# Debian's daemons must neither steer nor be able to: chronyd -x and "disable ntp".
CHRONY_UPSTREAM = """\
local stratum 3
allow all
"""
CHRONY_CLIENT = f"""\
server {OURS} iburst minpoll 3 maxpoll 3
port 0
"""
# ntpsec with its loop open never says that it is synchronised, so as an upstream it runs with the loop closed; the
# system refuses it any adjustment, as it does to everything under tests/net/isolated.
# Its default of "limited noquery" would not bear the tests' many questions.
NTPSEC_UPSTREAM = f"""\
server {TRUTH} iburst minpoll 4 maxpoll 4
restrict 192.0.2.0 mask 255.255.255.0
restrict 127.0.0.1
restrict ::1
"""
NTPSEC_CLIENT = f"""\
disable ntp
server {OURS} iburst minpoll 3 maxpoll 3
restrict 192.0.2.0 mask 255.255.255.0
restrict 127.0.0.1
restrict ::1
"""
OUR_CONF = f"""\
driftfile /var/lib/ntp/drift
restrict default
server {TRUTH} iburst
server {CHRONY} iburst
server {NTPSEC} iburst
"""


class Mixed:
    """Our daemon between Debian's: two of them above it, two below, all on one network."""

    def __init__(self, lab):
        self.lab = lab
        self.truth = lab.node("truth", TRUTH, TRUTH6)
        self.timeserver = daemons.TimeServer(self.truth, {TRUTH: {"stratum": 2, "refid": "192.0.2.99"}})
        self.chrony = lab.node("chrony", CHRONY)
        self.ntpsec = lab.node("ntpsec", NTPSEC)
        self.ours = lab.node("ours", OURS, OURS6)
        daemons.chronyd(self.chrony, CHRONY_UPSTREAM)
        daemons.ntpsec(self.ntpsec, NTPSEC_UPSTREAM)
        daemons.wait_synchronised(self.truth, CHRONY)
        daemons.wait_synchronised(self.truth, NTPSEC, 60)
        self.daemon = daemons.ntpd(self.ours, OUR_CONF)
        daemons.wait_synchronised(self.truth, OURS)
        self.chrony_client = lab.node("chronyc", "192.0.2.21")
        self.ntpsec_client = lab.node("ntpsecc", "192.0.2.31")
        daemons.chronyd(self.chrony_client, CHRONY_CLIENT)
        daemons.ntpsec(self.ntpsec_client, NTPSEC_CLIENT)


@pytest.fixture(scope="module")
def mixed():
    with Lab("interop") as lab:
        yield Mixed(lab)


# ---- their daemons above ours ----

@pytest.mark.parametrize("addr,stratum", [(CHRONY, 3), (NTPSEC, 3)])
def test_we_select_their_daemon_as_a_source(mixed, addr, stratum):
    def chosen():
        row = daemons.try_peers(mixed.ours).get(addr)
        return row if row and row.tally in "*+-" else None
    row = wait_until(chosen, 30, f"{addr} is a truechimer")
    assert row.stratum == stratum and row.reach & 1
    assert abs(row.offset) < 1 and row.delay < 10


def test_we_are_below_the_one_we_chose(mixed):
    rows = daemons.peers(mixed.ours)
    syspeer = next(a for a, r in rows.items() if r.tally == "*")
    with mixed.truth.socket() as sock:
        reply = ask(sock, OURS)
    assert reply.stratum == rows[syspeer].stratum + 1
    assert reply.refid == bytes(map(int, syspeer.split(".")))


# ---- their daemons below ours ----

def test_chronyd_follows_us(mixed):
    def tracking():
        lines = daemons.chronyc(mixed.chrony_client, "tracking")
        return lines[0] if lines and lines[0][-1] == "Normal" else None
    fields = wait_until(tracking, 30, "chronyd is synchronised to us")
    assert fields[1] == OURS
    with mixed.truth.socket() as sock:
        assert int(fields[2]) == ask(sock, OURS).stratum + 1
    sources = daemons.chronyc(mixed.chrony_client, "sources")
    assert sources[0][:3] == ["^", "*", OURS]
    assert abs(float(sources[0][7])) < 1e-3, "offset it measures of us, s"


def test_chronyd_finds_nothing_wrong_with_our_replies(mixed):
    """ntpdata counts the packet tests that our replies passed: all of RFC 5905's."""
    fields = daemons.chronyc(mixed.chrony_client, "ntpdata", OURS)[0]
    assert "111" in fields and "1111" in fields, fields


def test_ntpsec_follows_us(mixed):
    def chosen():
        result = daemons.ntpsec_ntpq(mixed.ntpsec_client, "-pn")
        rows = daemons.parse_peers(result.stdout) if result.stdout else []
        return rows[0] if rows and rows[0].tally == "*" else None
    row = wait_until(chosen, 40, "ntpsec selects us")
    assert row.remote == OURS
    assert abs(row.offset) < 1, "offset it measures of us, ms"


def our_stratum(mixed):
    with mixed.truth.socket() as sock:
        return ask(sock, OURS).stratum


def test_ntpdig_takes_our_time(mixed):
    result = mixed.truth.run(["/usr/bin/python3", "-B", daemons.PEERS / "usr/bin/ntpdig", "-t", "2", OURS],
                             env=daemons.PEER_ENV)
    assert result.returncode == 0, result
    match = re.search(r"([-+]\d+\.\d+) \+/- (\d+\.\d+) \S*" + re.escape(OURS) + r" s(\d+)", result.stdout)
    assert match and int(match[3]) == our_stratum(mixed), result.stdout
    # One exchange by a Python program that may have been kept waiting: right within the error it states itself.
    assert abs(float(match[1])) <= float(match[2]) < 0.1, result.stdout


# ---- their tools and our daemon ----

def test_ntpsec_ntpq_lists_our_peers(mixed):
    result = daemons.ntpsec_ntpq(mixed.ours, "-pn")
    assert result.stderr.strip() == ""
    theirs = {row.remote: row for row in daemons.parse_peers(result.stdout)}
    ours = daemons.peers(mixed.ours)
    assert theirs.keys() == ours.keys() == {TRUTH, CHRONY, NTPSEC}
    for addr, row in ours.items():
        # A local clock's 127.127.t.u has a name in the classic layout and stays a number in ntpsec's.
        refid = re.sub(r"^127\.127\.1\.(\d+)$", r"LOCAL(\1)", theirs[addr].refid)
        assert (refid, theirs[addr].stratum) == (row.refid, row.stratum)
        assert theirs[addr].offset == pytest.approx(row.offset, abs=1)


def test_ntpsec_ntpq_reads_our_system_variables(mixed):
    result = daemons.ntpsec_ntpq(mixed.ours, "-c", "rv")
    assert re.search(r"status=0[0-9a-f]{3} leap_none, sync_ntp", result.stdout), result
    for name in ("version", "processor", "system", "leap", "stratum", "precision", "rootdelay", "rootdisp", "refid",
                 "reftime", "clock", "peer", "tc", "mintc", "offset", "frequency", "sys_jitter", "clk_jitter",
                 "clk_wander"):
        assert re.search(rf"\b{name}=\S", result.stdout), name


def test_ntpsec_ntpq_shows_our_associations(mixed):
    result = daemons.ntpsec_ntpq(mixed.ours, "-c", "as")
    lines = [line.split() for line in result.stdout.splitlines() if re.match(r"\s*\d+\s+\d+\s", line)]
    assert len(lines) == 3, result
    assert all(words[3] == "yes" and words[4] == "yes" for words in lines), "configured and reachable"
    assert [words[6] for words in lines].count("sys.peer") == 1


def test_ntpsec_ntpq_shows_our_sysinfo(mixed):
    result = daemons.ntpsec_ntpq(mixed.ours, "-c", "sysinfo")
    assert re.search(r"^stratum: +\d+$", result.stdout, re.MULTILINE), result
    assert re.search(r"^system peer mode: +client$", result.stdout, re.MULTILINE), result


def test_debian_ntpstat_understands_our_daemon(mixed):
    result = daemons.debian_ntpstat(mixed.ours)
    assert result.returncode == 0, result
    assert re.match(r"synchronised to NTP server \([0-9.]+\) at stratum \d+ ?\n"
                    r"   time correct to within \d+ ms\n   polling server every \d+ s\n", result.stdout), result


def test_ntpsec_ntpwait_finds_us_synchronised(mixed):
    result = mixed.ours.run(["/usr/bin/python3", "-B", daemons.PEERS / "usr/sbin/ntpwait", "-n", "2", "-s", "1"],
                            env=daemons.PEER_ENV)
    assert result.returncode == 0, result


# ---- our tools and their daemon ----

def test_our_ntpq_lists_ntpsecs_peers(mixed):
    rows = daemons.peers(mixed.ntpsec, "127.0.0.1")
    assert len(rows) == 1
    row = next(iter(rows.values()))
    assert (row.tally, row.remote, row.stratum, row.type) == ("*", TRUTH, 2, "u")


def test_our_ntpq_reads_ntpsecs_variables(mixed):
    result = mixed.ntpsec.run([program("ntpq"), "-n", "-c", "rv", "127.0.0.1"])
    assert "leap_none" in result.stdout and "ntpsec-1.2" in result.stdout, result
    assert re.search(r"\bstratum=3\b", result.stdout)


def test_our_ntpq_shows_ntpsecs_sysinfo(mixed):
    result = mixed.ntpsec.run([program("ntpq"), "-n", "-c", "sysinfo", "127.0.0.1"])
    assert re.search(r"^stratum: +3$", result.stdout, re.MULTILINE), result


def test_our_ntpq_asks_from_afar(mixed):
    """The host is an argument, and its answer the same as on the spot."""
    assert daemons.peers(mixed.truth, NTPSEC).keys() == daemons.peers(mixed.ntpsec, "127.0.0.1").keys()


def test_our_ntpstat_asks_ntpsec(mixed):
    """And says what Debian's says, but for the error, which may have grown in between."""
    ours, theirs = mixed.ntpsec.run([program("ntpstat")]), daemons.debian_ntpstat(mixed.ntpsec)
    assert ours.returncode == theirs.returncode == 0, ours
    plain = [re.sub(r"\d+ ms", "N ms", r.stdout).replace(" \n", "\n") for r in (ours, theirs)]
    assert plain[0] == plain[1] and "at stratum 3\n" in plain[0]


def test_our_ntpwait_finds_ntpsec_synchronised(mixed):
    result = mixed.ntpsec.run([program("ntpwait"), "-n", "2", "-s", "1"])
    assert result.returncode == 0, result


def test_our_ntpstat_and_ntpwait_know_chronyd(mixed):
    """By its command socket."""
    text = "chronyd runs here, which answers no such questions"
    stat = mixed.chrony.run([program("ntpstat")])
    assert stat.returncode == 2 and stat.stdout == "" and text in stat.stderr and "Is it running" not in stat.stderr, stat
    wait = mixed.chrony.run([program("ntpwait"), "-n", "2", "-s", "0"])
    assert wait.returncode == 2 and wait.stdout == "" and text in wait.stderr, wait


def test_our_ntpq_says_when_nobody_answers(mixed):
    """chronyd does not speak the control protocol."""
    result = mixed.chrony.run([program("ntpq"), "-pn", "127.0.0.1"])
    assert re.search("timed out|refused", result.stdout + result.stderr, re.IGNORECASE), result


