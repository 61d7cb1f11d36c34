# SPDX-License-Identifier: BSD-2-Clause
"""The guide, word for word: a server of seven upstreams of which two lie, and its client."""
import re
import time

import pytest

import daemons
import guide
import hostclock
from lab import Lab, wait_until

LIMIT = 40          # seconds from a daemon's start to its being synchronised
MILLISECOND = 1e-3

SERVER_FILE = """\
# Drift file.
driftfile /var/lib/ntp/drift
# Permit
restrict default limited kod nomodify notrap nopeer
restrict -6 default limited kod nomodify notrap nopeer
# Servers
server ntp.your.org iburst
server time-b.timefreq.bldrdoc.gov iburst
server rackety.udel.edu iburst
server clock.fmt.he.net iburst
server gpstime.la-archdiocese.net iburst
server nist1.columbiacountyga.gov iburst
server gclock02.dupa01.burst.net iburst
disable monitor
"""


class Scenario:
    """Both daemons started as the guide says and watched until they are synchronised or late."""

    def __init__(self, lab, ahead):
        self.ahead = ahead
        self.watch = hostclock.Watch()
        self.world = world = guide.World(lab, ahead)
        self.server = world.start_server(trace=True)
        self.server_rows, self.server_seconds = guide.wait_server(world, self.server, LIMIT)
        self.server_stat = guide.ntpstat(world.server)
        self.client = world.start_client(trace=True)
        self.client_rows, self.client_seconds = guide.wait_client(world, self.client, LIMIT)
        self.client_stat = guide.ntpstat(world.client)
        (lab.dir / "seconds").write_text(f"server {self.server_seconds:.2f}\nclient {self.client_seconds:.2f}\n")

    def upstream_offset(self):
        """Of the honest servers against the machine's clock."""
        return self.world.observer.offset(min(guide.HONEST))

    def error(self, addr):
        """By how much addr's served time is ahead of the honest upstreams'."""
        return self.world.observer.offset(addr) - self.upstream_offset()


@pytest.fixture(scope="module", params=[
    pytest.param(0.0, id="true_machine", marks=pytest.mark.xdist_group("guide_true")),
    pytest.param(0.5, id="machine_half_a_second_behind", marks=pytest.mark.xdist_group("guide_behind"))])
def scenario(request):
    with Lab(f"guide_{request.param:g}_s_ahead") as lab:
        yield Scenario(lab, request.param)


def test_shipped_server_file_is_the_guides():
    assert (daemons.conf_dir() / "ntp-server.conf").read_text() == SERVER_FILE


def test_shipped_client_file_is_the_guides():
    lines = (daemons.conf_dir() / "ntp-client.conf").read_text().splitlines()
    first = SERVER_FILE.splitlines()[:5]
    assert lines[:5] == first
    rest = [line for line in lines[5:] if line and not line.startswith("#")]
    assert "server time.mydomain.com iburst" in rest
    assert set(rest) <= {"server time.mydomain.com iburst", "disable monitor"}


def test_five_are_truechimers_and_both_liars_falsetickers(scenario):
    assert guide.five_chimers_two_liars(scenario.server_rows)
    assert scenario.server_seconds <= LIMIT


def test_listing_shows_the_lies_in_milliseconds(scenario):
    """As they are seen from the corrected clock: a step shows in all rows at once."""
    rows = daemons.peers(scenario.world.server)
    for u in guide.UPSTREAMS:
        assert rows[u.addr].offset == pytest.approx(u.lie * 1000, abs=2), u.name
        assert rows[u.addr].delay == pytest.approx(u.delay * 1000, abs=2), u.name
        assert rows[u.addr].refid == f".{u.refid}." and rows[u.addr].stratum == guide.UPSTREAM_STRATUM


def test_server_is_one_stratum_below_its_upstreams(scenario):
    reply = scenario.world.observer.ask(guide.SERVER_ADDR)
    assert (reply.leap, reply.stratum) == (0, guide.UPSTREAM_STRATUM + 1)
    syspeer = next(a for a, row in daemons.peers(scenario.world.server).items() if row.tally == "*")
    assert reply.refid == bytes(map(int, syspeer.split(".")))


def test_client_is_one_stratum_below_the_server(scenario):
    assert scenario.client_seconds <= LIMIT
    assert scenario.client_rows[guide.SERVER_ADDR].stratum == guide.UPSTREAM_STRATUM + 1
    reply = scenario.world.observer.ask(guide.CLIENT_ADDR)
    assert (reply.leap, reply.stratum) == (0, guide.UPSTREAM_STRATUM + 2)
    assert reply.refid == bytes(map(int, guide.SERVER_ADDR.split(".")))


@pytest.mark.parametrize("who", ["server", "client"])
def test_ntpstat_says_synchronised(scenario, who):
    result = getattr(scenario, f"{who}_stat")
    stratum = guide.UPSTREAM_STRATUM + (1 if who == "server" else 2)
    assert result.returncode == 0, result
    match = re.fullmatch(r"synchronised to NTP server \(([0-9.]+)\) at stratum (\d+) ?\n"
                         r"   time correct to within (\d+) ms\n"
                         r"   polling server every (\d+) s\n", result.stdout)
    assert match, result.stdout
    assert match[1] in (guide.HONEST if who == "server" else {guide.SERVER_ADDR})
    assert int(match[2]) == stratum
    assert int(match[3]) < 1000 and int(match[4]) in (64, 128)


def test_plain_ntpq_p_shows_the_guides_names(scenario):
    """Without -n, and cut to fifteen characters as ever."""
    text = guide.ntpq_p(scenario.world.server)
    for u in guide.UPSTREAMS:
        assert re.search(rf"^.{re.escape(u.name[:15])}", text, re.MULTILINE), text


def test_server_serves_the_time_of_the_honest_to_a_millisecond(scenario):
    assert scenario.upstream_offset() == pytest.approx(scenario.ahead, abs=MILLISECOND)
    wait_until(lambda: abs(scenario.error(guide.SERVER_ADDR)) < MILLISECOND,
               max(LIMIT - scenario.server.age(), 0), "server within a millisecond of its upstreams")
    for _ in range(5):
        assert abs(scenario.error(guide.SERVER_ADDR)) < MILLISECOND
        time.sleep(0.5)


def test_client_follows_to_a_millisecond(scenario):
    wait_until(lambda: abs(scenario.error(guide.CLIENT_ADDR)) < MILLISECOND,
               max(LIMIT - scenario.client.age(), 0), "client within a millisecond of the upstreams")
    for _ in range(5):
        assert abs(scenario.error(guide.CLIENT_ADDR)) < MILLISECOND
        time.sleep(0.5)


def test_machines_clock_is_untouched(scenario):
    """It did not move, and neither daemon so much as tried: the tests lack the right to, so the attempt tells."""
    assert daemons.clock_attempts(scenario.world.server) == []
    assert daemons.clock_attempts(scenario.world.client) == []
    assert hostclock.kernel_state() == scenario.watch.state
    assert abs(scenario.watch.moved()) < MILLISECOND


def test_both_end_cleanly(scenario):
    """Last of the module: it stops the daemons."""
    for process in (scenario.server, scenario.client):
        assert process.stop() == 0, process.log()
