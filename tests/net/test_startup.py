# SPDX-License-Identifier: BSD-2-Clause
"""Starting and ending: options, files, exit codes, and what is said when something is wrong."""
import os
import re
import signal
import socket
import stat
import time

import pytest

import daemons
from lab import program, wait_until
from ntpwire import read_variables

OURS, UPSTREAM = "192.0.2.1", "192.0.2.10"
CONF = f"driftfile /var/lib/ntp/drift\nserver {UPSTREAM} iburst\nrestrict default\n"


@pytest.fixture
def node(lab):
    return lab.node("node", OURS)


@pytest.fixture
def upstream(lab):
    return daemons.TimeServer(lab.node("up", UPSTREAM), {UPSTREAM: {}})


def ntpd_run(node, *args, timeout=15):
    """Runs ntpd to its end."""
    return node.run([program("ntpd"), *args], timeout=timeout)


def written(node, text, name="test.conf"):
    path = node.dir / name
    path.write_text(text)
    return path


def known_frequency(node, ppm=25):
    """A drift file as an earlier run would have left it; without one a frequency takes long to be known."""
    drift = node.dir / "lib/ntp/drift"
    drift.write_text(f"{ppm:.6f}\n")
    return drift


def wait_other_frequency(node, ppm=25):
    """Until the daemon has measured something else than the frequency it started with."""
    daemons.wait_synchronised(node)
    with node.socket() as sock:
        wait_until(lambda: abs(float(read_variables(sock, "127.0.0.1")["frequency"]) - ppm) > 0.01, 20,
                   "the frequency has changed")


def sentence(text, *patterns):
    """Asserts that one line of text matches all patterns, whatever the case."""
    for line in text.splitlines():
        if all(re.search(p, line, re.IGNORECASE) for p in patterns):
            return
    raise AssertionError(f"no line with {patterns} in:\n{text}")


# ---- options that only print ----

def test_version_is_one_line(node):
    for option in ("--version", "-V"):
        result = ntpd_run(node, option)
        assert result.returncode == 0 and re.fullmatch(r"ntpd \S+.*\n", result.stdout), result


def test_help_names_every_option(node):
    result = ntpd_run(node, "--help")
    assert result.returncode == 0
    for option in ("-4", "-6", "-c", "-d", "-D", "-f", "-g", "-G", "-i", "-I", "-l", "-L", "-n", "-N", "-p", "-q", "-s",
                   "-u", "-U", "-V", "-x", "--check-config", "--software-clock", "--configfile", "--panicgate"):
        assert re.search(rf"(^|[\s,]){re.escape(option)}\b", result.stdout + result.stderr), option


def test_unknown_option_is_a_usage_error(node):
    result = ntpd_run(node, "--no-such-option")
    assert result.returncode == 1
    sentence(result.stderr, "no-such-option")


def test_conflicting_families_are_a_usage_error(node):
    result = ntpd_run(node, "-4", "-6", "-n")
    assert result.returncode == 1
    sentence(result.stderr, "ipv4|-4", "ipv6|-6")


# ---- --check-config ----

@pytest.mark.parametrize("name", ["ntp.conf", "ntp-server.conf", "ntp-client.conf"])
def test_shipped_files_pass_the_check(node, name):
    result = ntpd_run(node, "--check-config", "-c", daemons.conf_dir() / name)
    assert result.returncode == 0, result


def test_check_reports_every_error_with_its_place(node):
    path = written(node, f"server {UPSTREAM}\nserver {UPSTREAM} bogusoption\nnosuchdirective 1\n"
                         "tinker step hello\n")
    result = ntpd_run(node, "--check-config", "-c", path)
    assert result.returncode == 1
    text = result.stdout + result.stderr
    sentence(text, re.escape(f"{path}:2:") + r"\d+: ", "bogusoption")
    sentence(text, re.escape(f"{path}:3:") + r"\d+: ", "nosuchdirective")
    sentence(text, re.escape(f"{path}:4:") + r"\d+: ", "hello")
    assert [line for line in text.splitlines() if line.startswith(f"{path}:1:")] == [f"{path}:1:1: in force: server"]
    assert f"{path}:3:1: wrong: nosuchdirective" in text


def test_check_of_a_missing_file_fails(node):
    result = ntpd_run(node, "--check-config", "-c", "/nowhere/ntp.conf")
    assert result.returncode == 1
    sentence(result.stdout + result.stderr, "/nowhere/ntp.conf", "no such file")


# ---- --saveconfigquit ----

def test_the_configuration_is_saved_and_passes_the_check(node):
    path = written(node, f"server {UPSTREAM} iburst key 3\nrestrict default kod limited\nunrestrict default kod\ntinker panic 0\n")
    saved = path.with_name("saved.conf")
    result = ntpd_run(node, "--saveconfigquit", saved, "-c", path)
    assert result.returncode == 0, result
    assert saved.stat().st_mode & 0o777 == 0o600
    text = saved.read_text()
    assert f"server {UPSTREAM} iburst key 3\n" in text and "restrict -4 default limited\n" in text and "tinker panic 0\n" in text
    assert ntpd_run(node, "--check-config", "-c", saved).returncode == 0
    again = ntpd_run(node, "--saveconfigquit", saved, "-c", path)
    assert again.returncode == 1
    sentence(again.stdout + again.stderr, "saved.conf", "cannot be saved", "exists")
    assert saved.read_text() == text


# ---- bad input ----

def test_missing_configuration_is_said(node):
    """ntpd goes on without a file; whether it does or ends, it must say which file is missing."""
    daemon = node.start([program("ntpd"), "-n", "--software-clock", "-l", "stderr", "-c", "/nowhere/ntp.conf"], "ntpd",
                        may_end=True)
    wait_until(lambda: "/nowhere/ntp.conf" in daemon.log(), 5, "the missing file is named")
    sentence(daemon.log(), "/nowhere/ntp.conf", "no such file")
    if daemon.alive():
        assert daemons.wait_answers(node).leap == 3
    else:
        assert daemon.popen.returncode == 1


def test_bad_line_is_skipped_and_the_rest_works(node, upstream):
    daemon = daemons.ntpd(node, "nosuchdirective 1\n" + CONF)
    daemons.wait_synchronised(node)
    sentence(daemon.log(), r"ntpd\.conf:1:\d+: ", "nosuchdirective")


def test_port_in_use_ends_the_start(node):
    """Exit 1, and it names the address and the likely reason."""
    with node.socket() as taken:
        taken.bind(("0.0.0.0", 123))
        result = ntpd_run(node, "-n", "--software-clock", "-l", "stderr", "-c", written(node, CONF))
    assert result.returncode == 1
    sentence(result.stdout + result.stderr, r"0\.0\.0\.0|:123|port 123", "in use|another process")


def test_second_daemon_ends_and_the_first_goes_on(node, upstream):
    """SYS-13."""
    daemons.ntpd(node, CONF)
    daemons.wait_answers(node)
    result = ntpd_run(node, "-n", "--software-clock", "-l", "stderr", "-c", written(node, CONF))
    assert result.returncode == 1
    sentence(result.stdout + result.stderr, "in use|another process|already runs|already running")
    daemons.wait_synchronised(node)


def test_unresolvable_name_is_said_once_and_the_daemon_serves(node):
    daemon = daemons.ntpd(node, "server no.such.name.example iburst\nrestrict default\n")
    daemons.wait_answers(node, timeout=3)
    wait_until(lambda: "no.such.name.example" in daemon.log(), 15, "the name is reported")
    sentence(daemon.log(), r"no\.such\.name\.example")


@pytest.mark.parametrize("content", ["rubbish\n", "nan\n", "1e9\n", "", "\0\xff\0\xff"])
def test_corrupt_drift_file_is_reported_and_ignored(node, upstream, content):
    """FILE-01: one line, and the clock starts from no correction."""
    (node.dir / "lib/ntp/drift").write_bytes(content.encode("latin-1"))
    daemon = daemons.ntpd(node, CONF)
    daemon.wait_log("/var/lib/ntp/drift")
    daemons.wait_answers(node)
    with node.socket() as sock:
        assert float(read_variables(sock, "127.0.0.1")["frequency"]) == 0
    daemons.wait_synchronised(node)
    assert daemon.log().count("/var/lib/ntp/drift") == 1


def test_good_drift_file_is_used(node, upstream):
    (node.dir / "lib/ntp/drift").write_text("12.345678\n")
    daemon = daemons.ntpd(node, CONF)
    daemon.wait_log(r"12\.34[56]")
    daemons.wait_answers(node)
    with node.socket() as sock:
        assert float(read_variables(sock, "127.0.0.1")["frequency"]) == pytest.approx(12.346, abs=0.01)


def test_unknown_user_ends_the_start(node):
    result = ntpd_run(node, "-n", "--software-clock", "-l", "stderr", "-u", "nosuchuser", "-c", written(node, CONF))
    assert result.returncode == 255
    sentence(result.stdout + result.stderr, "nosuchuser")


def test_privileges_are_dropped_to_the_user(node, upstream):
    """PRIV-01: user, groups and capabilities of every thread."""
    node.etc("passwd", "root:x:0:0:root:/root:/bin/sh\nntp:x:4123:4123:ntp:/nonexistent:/usr/sbin/nologin\n")
    node.etc("group", "root:x:0:\nntp:x:4123:\n")
    drift = known_frequency(node)
    os.chown(drift.parent, 4123, 4123)
    upstream.set(UPSTREAM, drift=60)
    daemon = daemons.ntpd(node, CONF, "-u", "ntp:ntp")
    wait_other_frequency(node)
    allowed = 1 << 10                   # CAP_NET_BIND_SERVICE
    for task in os.listdir(f"/proc/{daemon.pid}/task"):
        with open(f"/proc/{daemon.pid}/task/{task}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        assert status["Uid"].split() == ["4123"] * 4 and status["Gid"].split() == ["4123"] * 4
        assert set(status["Groups"].split()) <= {"4123"}
        for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(status[name], 16) & ~allowed == 0, name
    assert daemon.stop() == 0
    assert daemon.log().count("cannot") == 0, "it may still write its drift file"
    assert drift.stat().st_uid == 4123


def test_not_root_is_said(node):
    result = node.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program("ntpd"), "-n",
                       "--software-clock", "-l", "stderr", "-c", "/dev/null"], timeout=10)
    assert result.returncode == 1
    sentence(result.stdout + result.stderr, "root|permission|uid")


def test_no_right_to_set_the_clock_is_said(node, upstream):
    """The kernel clock without CAP_SYS_TIME: the trace shows that it tried, the log that it was refused."""
    daemon = daemons.ntpd(node, CONF, software_clock=False, trace=True, may_end=True)
    wait_until(lambda: re.search("not permitted|permission", daemon.log(), re.IGNORECASE), 30, "refusal is logged")
    sentence(daemon.log(), "adjtimex|clock", "not permitted|permission")
    if not daemon.alive():
        assert daemon.popen.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT)
    wait_until(lambda: daemons.clock_attempts(node), 30, "an attempt is seen in the trace")


def test_pid_file_that_cannot_be_written_is_said(node, upstream):
    daemon = node.start([program("ntpd"), "-n", "--software-clock", "-l", "stderr", "-c", written(node, CONF),
                         "-p", "/nowhere/ntpd.pid"], "ntpd")
    daemons.wait_answers(node)
    sentence(daemon.log(), "/nowhere/ntpd.pid", "no such file")


def test_log_file_that_cannot_be_opened_is_said(node):
    """On stderr, as there is no better place."""
    daemon = node.start([program("ntpd"), "-n", "--software-clock", "-l", "/nowhere/ntpd.log", "-c",
                         written(node, CONF)], "ntpd", may_end=True)
    wait_until(lambda: "/nowhere/ntpd.log" in daemon.log(), 5, "the log file is named")
    sentence(daemon.log(), "/nowhere/ntpd.log", "no such file")


# ---- running and ending ----

@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_zero_and_the_drift_written(node, upstream, signum):
    """The upstream drifts, so there is a new frequency to be written."""
    drift = known_frequency(node)
    upstream.set(UPSTREAM, drift=60)
    daemon = daemons.ntpd(node, CONF)
    wait_other_frequency(node)
    assert daemon.stop(signum, timeout=2) == 0
    sentence(daemon.log(), rf"signal {int(signum)}")
    assert re.fullmatch(r"-?\d+\.\d{3,}\n", drift.read_text()) and float(drift.read_text()) != 25
    assert stat.S_IMODE(drift.stat().st_mode) == 0o644
    assert os.listdir(drift.parent) == ["drift"], "no temporary file is left"


def test_daemonises_once_it_is_ready(node, upstream):
    """The parent ends with 0 when the sockets are bound; the child has no terminal and is in the pid file."""
    log = node.dir / "daemon.log"
    result = ntpd_run(node, "--software-clock", "-p", "/run/ntpd.pid", "-l", log, "-c", written(node, CONF))
    assert result.returncode == 0, result
    pid = int((node.dir / "run/ntpd.pid").read_text())
    try:
        assert daemons.wait_answers(node, timeout=1)
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        assert fields[4] == "0", "no controlling terminal"
        assert int(fields[3]) != os.getsid(0), "a session of its own"
        daemons.wait_synchronised(node)
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not running(pid), 3, "it ends")
    assert re.search("signal 15", log.read_text())


def running(pid):
    """Whether pid is there and no zombie: nobody reaps an orphan in here but the first process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_parent_fails_when_the_daemon_cannot_start(node):
    """Without -n the status of the one who calls must tell."""
    with node.socket() as taken:
        taken.bind(("0.0.0.0", 123))
        result = ntpd_run(node, "--software-clock", "-l", node.dir / "daemon.log", "-c", written(node, CONF))
    assert result.returncode == 1


def test_pid_file_holds_the_pid(node, upstream):
    daemon = daemons.ntpd(node, CONF)
    daemons.wait_answers(node)
    assert int((node.dir / "run/ntpd.pid").read_text()) == daemon.pid


def test_log_file_gets_the_lines(node, upstream):
    log = node.dir / "own.log"
    daemon = node.start([program("ntpd"), "-n", "--software-clock", "-l", log, "-c", written(node, CONF)], "ntpd")
    daemons.wait_answers(node)
    assert re.search(rf"ntpd\[{daemon.pid}\]: .*starting", log.read_text(), re.IGNORECASE)


def test_log_and_pid_go_where_the_configuration_says(node, upstream):
    conf = written(node, CONF + "logfile /var/lib/ntp/said.log\npidfile /run/said.pid\n")
    daemon = node.start([program("ntpd"), "-n", "--software-clock", "-c", conf], "ntpd")
    daemons.wait_answers(node)
    assert int((node.dir / "run/said.pid").read_text()) == daemon.pid
    assert re.search(rf"ntpd\[{daemon.pid}\]: .*starting", (node.dir / "lib/ntp/said.log").read_text(), re.IGNORECASE)


def test_quit_sets_once_and_ends(node, upstream):
    """-q: exit 0, and the offset is printed."""
    upstream.set(UPSTREAM, offset=0.050)
    result = ntpd_run(node, "-q", "--software-clock", "-l", "stderr", "-c", written(node, CONF), timeout=40)
    assert result.returncode == 0, result
    match = re.search(r"ntpd: time slew ([-+]\d+\.\d{6})s", result.stdout)
    assert match and float(match[1]) == pytest.approx(0.050, abs=0.002), result


def test_quit_steps_what_is_large(node, upstream):
    upstream.set(UPSTREAM, offset=-2.5)
    result = ntpd_run(node, "-q", "--software-clock", "-l", "stderr", "-c", written(node, CONF), timeout=40)
    assert result.returncode == 0, result
    match = re.search(r"ntpd: time set ([-+]\d+\.\d{6})s", result.stdout)
    assert match and float(match[1]) == pytest.approx(-2.5, abs=0.002), result


def test_quit_without_an_answer_says_so(node):
    """Nobody is at the address; the burst is used up in less than half a minute."""
    result = ntpd_run(node, "-q", "--software-clock", "-l", "stderr", "-c", written(node, CONF), timeout=60)
    assert "no servers found" in result.stdout, result


def test_servers_on_the_command_line_are_used(node, upstream):
    daemons.ntpd(node, "restrict default\n", UPSTREAM)
    daemons.wait_synchronised(node)


def test_drift_file_on_the_command_line_wins(node, upstream):
    known_frequency(node, 33)
    (node.dir / "other.drift").write_text("44.000000\n")
    daemons.ntpd(node, CONF, "-f", node.dir / "other.drift")
    daemons.wait_answers(node)
    with node.socket() as sock:
        assert float(read_variables(sock, "127.0.0.1")["frequency"]) == pytest.approx(44, abs=0.01)


def test_readiness_is_notified(node, upstream):
    """The sd_notify protocol: READY=1 once the sockets answer, STOPPING=1 at the end."""
    path = node.dir / "run/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(5)
        daemon = daemons.ntpd(node, CONF, env={"NOTIFY_SOCKET": "/run/notify"})
        first = notify.recv(4096).decode().split("\n")
        assert "READY=1" in first
        assert daemons.wait_answers(node, timeout=0.5)
        daemon.stop()
        rest = []
        notify.settimeout(0.2)
        try:
            while True:
                rest += notify.recv(4096).decode().split("\n")
        except TimeoutError:
            pass
    assert "STOPPING=1" in rest


def test_software_clock_is_said(node, upstream):
    """In the log and in rv, so that nobody wonders why the machine's clock stays."""
    daemon = daemons.ntpd(node, CONF)
    daemons.wait_answers(node)
    sentence(daemon.log(), "software clock|clock software", "kernel|system|machine")
    result = node.run([program("ntpq"), "-c", "rv"])
    assert re.search("software", result.stdout, re.IGNORECASE), result


def test_clock_software_in_the_file_is_the_same(node, upstream):
    """And it needs no right to set a clock."""
    daemon = daemons.ntpd(node, CONF + "clock software\n", software_clock=False, trace=True)
    daemons.wait_synchronised(node)
    assert daemons.clock_attempts(node) == []
    assert not re.search("not permitted", daemon.log(), re.IGNORECASE)


def test_ntpwait_waits(node, upstream):
    """Not synchronised as long as nobody answers, then within the burst."""
    upstream.set(UPSTREAM, drop=1)
    daemons.ntpd(node, CONF)
    daemons.wait_answers(node)
    assert node.run([program("ntpwait"), "-n", "1", "-s", "1"]).returncode == 1
    upstream.set(UPSTREAM, drop=0)
    result = node.run([program("ntpwait"), "-v", "-n", "30", "-s", "1"], timeout=40)
    assert result.returncode == 0 and "OK!" in result.stdout, result


def test_wait_sync_returns_when_synchronised(node, upstream):
    """-w: the parent ends with 0 once the clock was set, and not before."""
    upstream.set(UPSTREAM, drop=1)
    parent = node.start([program("ntpd"), "--software-clock", "-w", "60", "-p", "/run/ntpd.pid", "-l", node.dir / "daemon.log", "-c",
                         written(node, f"server {UPSTREAM} minpoll 1 maxpoll 1\n")], "parent", may_end=True)
    assert daemons.wait_answers(node).leap == 3
    pid = int((node.dir / "run/ntpd.pid").read_text())
    try:
        time.sleep(1)
        assert parent.alive() and pid != parent.pid
        upstream.set(UPSTREAM, drop=0)
        assert parent.wait(50) == 0
        assert daemons.wait_answers(node).leap == 0
    finally:
        os.kill(pid, signal.SIGTERM)