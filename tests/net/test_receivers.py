# SPDX-License-Identifier: BSD-2-Clause
"""Receivers on serial lines, one of each driver, from the line of configuration to the time that is served."""
import os
import signal
import termios
import time

import daemons
import fakereceivers as fakes
import pytest
from lab import wait_until
from test_refclock import A, OPEN, SANDBOX, SERVER, fake_pps, ntpq, pulsed, state, variables  # noqa: F401  (fake_pps is a fixture)


@pytest.fixture
def node(lab):
    return lab.node("ours", A)


@pytest.fixture
def line(node):
    terminal = fakes.Terminal(node)
    yield terminal
    terminal.close()


def play_until(line, fake, offset, until, timeout=40):
    def look():
        line.play(fake, offset)
        return until()
    return wait_until(look, timeout, "the receiver is heard", interval=0)


def check(line, offset, wanted):
    """An offset learnt is the one wanted, but for what the receiver was late by."""
    assert -0.03 - line.late < offset - wanted < 0.03, (offset, wanted, line.late)


# Configuration, receiver, name, reference ID, speed, and what is added to its time.
RECEIVERS = {
    "meinberg": ("refclock generic subtype 2 path /run/receiver minpoll 2", fakes.Meinberg, "GENERIC(0)", "DCFa", termios.B9600, 0.01),
    "meinberg-gps": ("server 127.127.8.1 mode 7 minpoll 2\ndevice 127.127.8.1 timedata /run/receiver\nfudge 127.127.8.1 time1 0.1", fakes.Meinberg,
                     "GENERIC(1)", "GPS", termios.B19200, 0.1),
    "spectracom": ("refclock spectracom unit 1 path /run/receiver time2 0.1 refid GPS minpoll 2", fakes.Spectracom, "WWVB_SPEC(1)", "GPS",
                   termios.B9600, 0.1),
    "truetime": ("refclock truetime path /run/receiver minpoll 2", fakes.Truetime, "TRUETIME(0)", "TRUE", termios.B9600, 0),
    "arbiter": ("refclock arbiter path /run/receiver baud 19200 minpoll 2", fakes.Arbiter, "GPS_ARBITER(0)", "GPS", termios.B19200, 0),
    "hpgps": ("refclock hpgps path /run/receiver minpoll 2", fakes.Hp, "GPS_HP(0)", "GPS", termios.B9600, 0),
    "zyfer": ("refclock zyfer path /run/receiver minpoll 2", fakes.Zyfer, "GPS_ZYFER(0)", "GPS", termios.B9600, 0),
    "palisade": ("server 127.127.29.2 minpoll 2\nfudge 127.127.29.2 flag3 1\ndevice 127.127.29.2 timedata /run/receiver", fakes.Palisade,
                 "GPS_PALISADE(2)", "GPS", termios.B9600, 0),
    "thunderbolt": ("refclock trimble subtype 2 path /run/receiver minpoll 2", fakes.Thunderbolt, "GPS_PALISADE(0)", "GPS", termios.B9600, 0.02),
    "oncore": ("refclock oncore path /run/receiver ppspath /run/none minpoll 2", fakes.Oncore, "GPS_ONCORE(0)", "GPS", termios.B9600, 0),
    "jjy": ("refclock jjy subtype 1 path /run/receiver minpoll 2", fakes.Jjy, "JJY(0)", "JJY", termios.B9600, 0),
}


@pytest.mark.parametrize("name", RECEIVERS)
def test_a_receiver_sets_the_clock(node, line, name):
    conf, fake, shown, refid, speed, added = RECEIVERS[name]
    (node.dir / "stats").mkdir()
    process = daemons.ntpd(node, f"{conf}\nstatsdir {node.dir}/stats/\nstatistics clockstats\n" + OPEN, *SANDBOX)
    play_until(line, fake(), 0.4, lambda: state(node) and state(node).stratum == 1)
    check(line, float(process.wait_log(r"time stepped by ([-+.\d]+)", timeout=1)[1]), 0.4 + added)
    row = daemons.peers(node)[shown]
    assert (row.tally, row.refid, row.stratum, row.type) == ("*", f".{refid}.", 0, "l")
    assert termios.tcgetattr(line.slave)[4:6] == [speed, speed]
    cv = variables(ntpq(node, "-c", "cv"))
    assert (cv["device"], cv["badformat"], cv["baddata"]) == ('"/run/receiver"', "0", "0"), cv
    assert cv["timecode"] != '""'
    assert (node.dir / "stats/clockstats").read_text().strip()


def test_pulses_of_dcf77_set_the_clock(node, line):
    """A minute has to be heard whole: the receiver's minutes are made to begin as the test does, within what our clock may be off by."""
    process = daemons.ntpd(node, "refclock generic subtype 14 path /run/receiver minpoll 2\n" + OPEN, *SANDBOX)
    process.wait_log(r"GENERIC\(0\): /run/receiver: DTR and RTS cannot be set", timeout=5)
    offset = (57.5 - time.time() % 60 + 28) % 60 - 28
    # One that would be slewed is not learnt at once.
    offset += 1 if abs(offset + 0.258) < 0.5 else 0
    fake = fakes.Dcf77()
    line.play(fake, offset, 55)
    assert state(node).leap == 3, "it believes in half a minute"
    # A minute more, should one of its pulses have come late.
    play_until(line, fake, offset, lambda: state(node).stratum == 1, timeout=80)
    assert termios.tcgetattr(line.slave)[4] == termios.B50
    check(line, float(process.wait_log(r"time stepped by ([-+.\d]+)", timeout=1)[1]), offset + 0.258)
    assert daemons.peers(node)["GENERIC(0)"].refid == ".DCFa."


def bad(node):
    return int(variables(ntpq(node, "-c", "cv"))["baddata"])


def reach(node):
    return daemons.peers(node)["GENERIC(0)"].reach


def test_a_receiver_that_lost_its_signal_is_trusted_for_a_while(node, line):
    fake = fakes.Meinberg()
    daemons.ntpd(node, "refclock generic mode 2 path /run/receiver flag1 1 time2 3 minpoll 0 noselect\n", *SANDBOX)
    wait_until(lambda: daemons.try_peers(node), 5, "the clock is there")
    fake.flags = b" *U "
    play_until(line, fake, 0, lambda: bad(node) >= 2)
    assert reach(node) == 0, "it has never heard its signal"
    fake.flags = b"  U "
    play_until(line, fake, 0, lambda: reach(node) & 1)
    before = bad(node)
    fake.flags = b" *U "
    line.play(fake, 0, 2)
    assert bad(node) == before, "it is trusted for 3 s"
    play_until(line, fake, 0, lambda: bad(node) >= before + 2, timeout=10)


def test_what_is_no_telegram_is_counted_and_the_next_one_is_read(node, line):
    fake = fakes.Meinberg()
    daemons.ntpd(node, "refclock generic mode 2 path /run/receiver minpoll 0 noselect\n", *SANDBOX)
    wait_until(lambda: daemons.try_peers(node), 5, "the clock is there")
    for text in (b"\x02" + b"x" * 3000 + b"\x03", bytes(range(256)) * 4, b"\x02none\x03", b"\x02D:99.99.26;T:1;U:01.02.03;  U \x03",
                 b"\x03\x03\x02\x03\x02"):
        os.write(line.master, text)
    wait_until(lambda: bad(node) >= 1, 10, "a day that there is not is counted")
    assert int(variables(ntpq(node, "-c", "cv"))["badformat"]) >= 1 and reach(node) == 0
    play_until(line, fake, 0, lambda: reach(node) & 1)


def test_a_pulse_says_when_the_second_of_a_telegram_began(node, line, fake_pps):  # noqa: F811
    pulsed(node, fake_pps, "refclock generic subtype 130 path /run/receiver ppspath /run/fakepps time2 0.01 minpoll 2\n", 0.02)
    wait_until(lambda: daemons.try_peers(node), 5, "the clock is there")
    # Late by 0.3 s, as on a slow line; the pulse comes 0.02 s late by the host's clock.
    play_until(line, fakes.Meinberg(), -0.3, lambda: state(node) and state(node).stratum == 1)
    play_until(line, fakes.Meinberg(), -0.3, lambda: abs(daemons.offset_of(node, A) + 0.01) < 0.005)


def test_a_service_is_called_by_telephone_where_nobody_else_tells_the_time(node, line):
    fake = fakes.Modem()
    process = daemons.ntpd(node, "refclock modem path /run/receiver minpoll 4\nphone ATDT1\nphone ATDT2 ATDT3\n" + OPEN, *SANDBOX)
    play_until(line, fake, 0.4, lambda: state(node) and state(node).stratum == 1, timeout=60)
    check(line, float(process.wait_log(r"time stepped by ([-+.\d]+)", timeout=1)[1]), 0.4)
    row = daemons.peers(node)["ACTS_MODEM(0)"]
    assert (row.tally, row.refid, row.reach) == ("*", ".NIST.", 1), "the polls of the call are none without an answer"
    assert fake.echoes >= 20 and b"ATDT3" not in fake.heard
    cv = variables(ntpq(node, "-c", "cv"))
    assert (cv["badformat"], cv["baddata"], cv["refid"]) == ("0", "0", "NIST")


def test_another_number_is_called_after_a_reload(node, line):
    conf, fake = "refclock modem mode 1 path /run/receiver minpoll 3\nphone ATDT1\n" + OPEN, fakes.Modem()
    process = daemons.ntpd(node, conf, *SANDBOX)
    play_until(line, fake, 0, lambda: b"ATDT1\r" in fake.heard)
    (node.dir / "ntpd.conf").write_text(conf.replace("ATDT1", "ATDT7"))
    process.popen.send_signal(signal.SIGHUP)
    play_until(line, fake, 0, lambda: b"ATDT7\r" in fake.heard)


def test_a_service_is_not_called_while_another_clock_tells_the_time_or_before_it_is_asked_for(lab):
    # Longer than a backup waits for others, and than the first polls take.
    for name, addr, seconds, conf in (("backup", A, 30, "refclock modem path /run/receiver minpoll 3\nrefclock local prefer minpoll 3\n"),
                                      ("manual", SERVER, 10, "refclock modem mode 2 path /run/receiver minpoll 3\n")):
        node = lab.node(name, addr)
        line, fake = fakes.Terminal(node), fakes.Modem()
        daemons.ntpd(node, conf + "phone ATDT1\n" + OPEN, *SANDBOX)
        line.play(fake, 0, seconds)
        assert fake.heard == b"", name
        assert int(variables(ntpq(node, "-c", "cv &1"))["poll"]) >= 1, "it was asked"
        line.close()


def test_a_subtype_that_there_is_not_is_told(node):
    process = daemons.ntpd(node, "refclock generic subtype 77\nrefclock local\n")
    process.wait_log(r"GENERIC\(0\): there is no subtype 77")
    process.wait_log(r"reference clock GENERIC\(0\) cannot be used")
