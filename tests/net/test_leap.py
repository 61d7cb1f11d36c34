# SPDX-License-Identifier: BSD-2-Clause
"""Leap seconds: the file at start, at SIGHUP and behind the sandbox; a second put in and smeared, on software clocks years ahead."""
import calendar
import hashlib
import math
import pwd
import signal
import time

import daemons
from lab import wait_until
from ntpwire import ask, measure, read_variables
from test_sandbox import SANITIZED

OURS, OTHER = "192.0.2.1", "192.0.2.2"
A = "192.0.2.11"
UNIX_TO_NTP = 2208988800
PATH = "/var/lib/ntp/leap"
SMEAR = 40          # s
AHEAD = 22          # s before midnight at which the sources start
TOLERANCE = 0.02    # s


def ntp(unix):
    return int(unix) + UNIX_TO_NTP


def listing(rows, expires, hashed=True):
    """A leap-seconds.list of (unix time, TAI - UTC) rows."""
    numbers = [ntp(0), ntp(expires)] + [n for at, tai in rows for n in (ntp(at), tai)]
    digest = hashlib.sha1("".join(map(str, numbers)).encode()).hexdigest()
    words = " ".join(digest[i:i + 8].lstrip("0") or "0" for i in range(0, 40, 8))
    lines = [f"#$\t{numbers[0]}", f"#@\t{numbers[1]}"] + [f"{ntp(at)}\t{tai}" for at, tai in rows]
    return "\n".join(lines + ([f"#h\t{words}"] if hashed else [])) + "\n"


def first_of(year, month=1):
    return calendar.timegm((year, month, 1, 0, 0, 0))


PAST = [(first_of(2015, 7), 36), (first_of(2017), 37)]


def write(node, text):
    path = node.dir / PATH.removeprefix("/var/")
    path.write_text(text)
    return path


def variables(node):
    with node.socket() as sock:
        return read_variables(sock, "127.0.0.1")


def start(lab, conf="", text=None, *args):
    daemons.TimeServer(lab.node("up", A), {A: {}})
    node = lab.node("client", OURS)
    path = write(node, text if text is not None else listing(PAST, time.time() + 100 * 86400))
    process = daemons.ntpd(node, f"server {A} iburst\nleapfile {PATH}\n{conf}", *args)
    daemons.wait_answers(node)
    return node, process, path


def test_the_file_is_read_and_shown(lab):
    node, process, _ = start(lab)
    assert "loaded, expire=" in process.log() and "good hash" in process.log()
    daemons.wait_synchronised(node)
    shown = variables(node)
    assert shown["tai"] == "37"
    assert shown["leapsec"] == "201701010000"
    assert shown["expire"] == time.strftime("%Y%m%d%H%M", time.gmtime(int(time.time() + 100 * 86400)))[:len(shown["expire"])]
    assert shown["leap"].lstrip("0") == ""
    assert "leapsmearinterval" not in shown


def test_a_changed_file_is_read_at_sighup_and_a_bad_one_refused(lab):
    """As another user, behind the sandbox (but for a sanitizer's build, which has none): the file belongs to root and may be read by all."""
    user = "nobody"
    node, process, path = start(lab, "", None, "-u", user, *([] if SANITIZED else ["--sandbox"]))
    assert pwd.getpwnam(user).pw_uid != 0
    daemons.wait_synchronised(node)
    good = listing(PAST + [(first_of(2018), 38)], time.time() + 10 * 86400)

    def hup(text, said):
        seen = process.log().count(said)
        path.write_text(text)
        process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: process.log().count(said) > seen, 5, said)

    hup(good, "ofs=38")
    assert "will expire in less than 10 days" in process.log()
    wait_until(lambda: variables(node)["tai"] == "38", 5, "the new TAI is shown")
    for bad, why in [(good.replace("38\n", "39\n"), "changes by something else"), (good[:-12] + "\n", "its hash"),
                     (good.replace("#@", "##"), "does not say when it expires"), ("\0" * 100, "no text"), ("#\n" * (5 << 20), "larger")]:
        hup(bad, why)
        assert process.log().count("what has been read before stays") >= 1
        assert variables(node)["tai"] == "38"
    hup(listing(PAST, time.time() - 3 * 86400), "expired 3 days ago")
    path.unlink()
    hup_missing = process.log().count("cannot be read")
    process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: process.log().count("cannot be read") > hup_missing, 5, "the missing file is named")
    assert variables(node)["tai"] == "37"


def test_below_another_root_the_table_of_the_start_stays(lab):
    """PRIV-05: the file is outside, which is said once."""
    jail = "/var/lib/ntp/jail"
    daemons.TimeServer(lab.node("up", A), {A: {}})
    node = lab.node("client", OURS)
    (node.dir / "lib/ntp/jail").mkdir()
    write(node, listing(PAST, time.time() + 100 * 86400))
    process = daemons.ntpd(node, f"server {A} iburst\nleapfile {PATH}\n", "-i", jail, "-u", "nobody")
    daemons.wait_synchronised(node)
    assert variables(node)["tai"] == "37"
    for count in 1, 2:
        process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda count=count: process.log().count("the configuration in force stays") == count, 5, "the signal is heard")
        wait_until(lambda: process.log().count(f"('{PATH}'): cannot be read: No such file") == 1, 5, "the file is missed once")
        assert process.log().count("what has been read before stays") == 1
    assert variables(node)["tai"] == "37"


def offset(node, host):
    with node.socket() as sock:
        return measure(sock, host, 4, pause=0)[0]


def smear_at(left):
    return -(1 - math.cos(math.pi * (SMEAR - left) / SMEAR)) / 2


def test_a_second_is_put_in_at_midnight_and_smeared_for_clients(lab):
    """Two daemons on the eve of 2030: one announces the second, the other smears it; both clocks are a second back afterwards."""
    midnight = first_of(2030)
    text = listing(PAST + [(midnight, 38)], midnight + 100 * 86400)
    up, plain, smearing = lab.node("up", A), lab.node("plain", OURS), lab.node("smearing", OTHER)
    ahead = midnight - AHEAD - time.time()
    server = daemons.TimeServer(up, {A: {"offset": ahead}})
    conf = f"server {A} iburst minpoll 3 maxpoll 3\nleapfile {PATH}\ntinker panic 0\nrestrict default\n"
    processes = []
    for node, more in (plain, ""), (smearing, f"leapsmearinterval {SMEAR}\n"):
        write(node, text)
        processes.append(daemons.ntpd(node, conf + more, "-g"))
    for node in plain, smearing:
        daemons.wait_synchronised(node, timeout=AHEAD - 6)
    wait_until(lambda: abs(offset(plain, "127.0.0.1") - ahead) < TOLERANCE, 5, "the clock is right")

    # The eve: a warning to some, a smear to others, and no smear in what ntpq is told of our own clock.
    with plain.socket() as sock:
        assert ask(sock, "127.0.0.1").leap == 1
    assert variables(plain)["leap"].lstrip("0") == "1"
    assert variables(plain)["leapsec"] == "203001010000"
    with smearing.socket() as sock:
        reply = ask(sock, "127.0.0.1")
    assert reply.leap == 0 and reply.refid[0] == 254
    assert variables(smearing)["leap"].lstrip("0") == "1"
    assert variables(smearing)["leapsmearinterval"] == str(SMEAR)
    left = midnight - (time.time() + ahead)
    assert left > 1, "too slow a start for this test"
    want = smear_at(left)
    assert abs(offset(smearing, "127.0.0.1") - ahead - want) < 0.05
    assert abs(float(variables(smearing)["leapsmearoffset"]) / 1000 - want) < 0.1

    time.sleep(max(0, midnight - (time.time() + ahead) + 0.1))
    server.set(A, offset=ahead - 1)
    for node, process in zip((plain, smearing), processes):
        wait_until(lambda process=process: "leap second is over" in process.log(), 3, "the second is made")
        assert abs(offset(node, "127.0.0.1") - (ahead - 1)) < TOLERANCE
        with node.socket() as sock:
            reply = ask(sock, "127.0.0.1")
        assert reply.leap == 0 and reply.refid[0] != 254
        wait_until(lambda node=node: variables(node)["tai"] == "38", 3, "TAI has gone on")
    # Nor do the sources, who have made it too, bring the clock out of step.
    time.sleep(9)
    for node, process in zip((plain, smearing), processes):
        assert abs(offset(node, "127.0.0.1") - (ahead - 1)) < TOLERANCE
        assert process.log().count("stepped") == 1
