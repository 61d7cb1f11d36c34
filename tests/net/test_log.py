# SPDX-License-Identifier: BSD-2-Clause
"""The log of a running daemon: the classes that logconfig asks for, and rotation."""
import re
import signal

import daemons
from lab import wait_until

OURS, A = "192.0.2.1", "192.0.2.11"
STAMP = r"^[ \d]\d \w{3} \d\d:\d\d:\d\d ntpd\[\d+\]: "


def start(lab, conf, *args):
    daemons.TimeServer(lab.node("up", A), {A: {"offset": 0.5}})
    node = lab.node("client", OURS)
    process = daemons.ntpd(node, f"server {A} iburst\n{conf}", *args)
    daemons.wait_synchronised(node)
    return node, process


def test_events_are_logged_in_ntpds_form_where_they_are_asked_for(lab):
    _, process = start(lab, "logconfig =sysevents +peerevents\n")
    process.wait_log(STAMP + r"0\.0\.0\.0 [0-9a-f]{4} 06 restart$")
    process.wait_log(STAMP + r"0\.0\.0\.0 [0-9a-f]{4} 0c clock_step [+-]0\.\d{6} s$")
    process.wait_log(STAMP + rf"{re.escape(A)} [0-9a-f]{{4}} 84 reachable$")
    assert "synchronised" not in process.log()
    assert "time stepped" not in process.log()
    assert process.stop() == 0


def test_by_default_the_synchronisation_is_logged_and_events_are_not(lab):
    _, process = start(lab, "")
    process.wait_log("synchronised, offset")
    process.wait_log("time stepped")
    assert not re.search("clock_step|reachable$|restart", process.log().replace("is reachable", ""))


def test_sighup_takes_other_classes_and_hourly_lines_come_at_the_end(lab):
    node, process = start(lab, "logconfig =syncstatus\n")
    (node.dir / "ntpd.conf").write_text(f"server {A} iburst\nlogconfig =sysstatistics +peerstatistics\n")
    process.popen.send_signal(signal.SIGHUP)
    process.wait_log("configuration read again")
    assert process.stop() == 0
    assert re.search(STAMP + r"offset -?\d\.\d{6} sec freq -?\d+\.\d{3} ppm error \d\.\d{6} poll \d+$", process.log(), re.MULTILINE)
    assert re.search(STAMP + rf"{re.escape(A)} reach \d+ offset -?\d\.\d{{6}} delay", process.log(), re.MULTILINE)


def test_a_log_that_is_rotated_goes_on_in_a_new_file(lab):
    """With and without a signal; the daemon is another user and may write to the directory."""
    daemons.TimeServer(lab.node("up", A), {A: {}})
    node = lab.node("client", OURS)
    place = node.dir / "lib/ntp"
    place.chmod(0o777)
    log = place / "ntpd.log"
    process = daemons.ntpd(node, f"server {A} iburst\nlogfile /var/lib/ntp/ntpd.log\n", "-l", "/var/lib/ntp/ntpd.log", "-u", "nobody")
    daemons.wait_answers(node)
    for round_ in range(2):
        old = log.rename(place / f"old{round_}")
        assert "Starting" in old.read_text() or round_ > 0
        process.popen.send_signal(signal.SIGUSR1 if round_ == 0 else signal.SIGHUP)
        wait_until(lambda: log.exists() and ("debug level" if round_ == 0 else "read again") in log.read_text(), 5, "the new file is written")
