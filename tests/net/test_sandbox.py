# SPDX-License-Identifier: BSD-2-Clause
"""Least privilege: what a running daemon has left, what it cannot do any more, and that it works all the same.

The rest of the suite runs in the sandbox too, since the daemon goes into it by itself where it is privileged.
"""
import os
import re
import signal
import subprocess

import pytest

import daemons
from lab import TOP, program, wait_until
from ntpwire import ask, read_variables

OURS, LATER, UPSTREAM = "192.0.2.1", "192.0.2.2", "192.0.2.10"
CONF = f"driftfile /var/lib/ntp/drift\nserver {UPSTREAM} iburst\nrestrict default\n"
UID = 4123
NET_BIND_SERVICE, SYS_TIME, DAC_OVERRIDE = 1 << 10, 1 << 25, 1 << 1
FILTER = "2"            # SECCOMP_MODE_FILTER
KILLED = -signal.SIGSYS

with open(program("ntpd"), "rb") as binary:
    SANITIZED = b"__asan_init" in binary.read()
pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer's runtime does what the sandbox forbids")


@pytest.fixture
def node(lab):
    made = lab.node("node", OURS)
    made.etc("passwd", f"root:x:0:0:root:/root:/bin/sh\nntp:x:{UID}:{UID}:ntp:/nonexistent:/usr/sbin/nologin\n")
    made.etc("group", f"root:x:0:\nntp:x:{UID}:\nadm:x:4:ntp\n")
    os.chown(made.dir / "lib/ntp", UID, UID)
    return made


@pytest.fixture
def upstream(lab):
    return daemons.TimeServer(lab.node("up", UPSTREAM), {UPSTREAM: {}})


def threads(pid):
    """/proc/PID/task/*/status: a dict of its lines for each thread."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def caps(status, *names):
    return [int(status[name], 16) for name in names]


def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return re.search(r"^Max core file size\s+(\S+)\s+(\S+)", file.read(), re.MULTILINE).groups()


# ---- what is left ----

def test_every_thread_has_only_what_it_needs(node, upstream):
    """PRIV-01.  The namespace withholds CAP_SYS_TIME, and the software clock would not keep it."""
    daemon = daemons.ntpd(node, CONF, "-u", "ntp:ntp")
    daemons.wait_synchronised(node)
    for status in threads(daemon.pid):
        assert status["Uid"].split() == status["Gid"].split() == [str(UID)] * 4
        assert status["Groups"].split() == []
        assert caps(status, "CapEff", "CapPrm", "CapBnd") == [NET_BIND_SERVICE] * 3
        assert caps(status, "CapInh", "CapAmb") == [0, 0]
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == FILTER
    assert core_limit(daemon.pid) == ("0", "0")
    assert os.stat(f"/proc/{daemon.pid}/mem").st_uid == 0, "dumpable: others of the same user could trace it"


def test_who_stays_root_keeps_little(node, upstream):
    daemon = daemons.ntpd(node, CONF)
    daemons.wait_synchronised(node)
    for status in threads(daemon.pid):
        assert caps(status, "CapEff", "CapPrm", "CapBnd") == [NET_BIND_SERVICE | DAC_OVERRIDE] * 3
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == FILTER
    assert core_limit(daemon.pid) == ("0", "0")


def test_a_daemon_that_will_end_does_not_keep_the_port_right(node):
    """-q: no address is waited for."""
    daemon = daemons.ntpd(node, CONF, "-q", "-u", "ntp", may_end=True)

    def dropped():
        return next(threads(daemon.pid))["Uid"].split()[0] == str(UID)
    wait_until(dropped, 5, "it is ntp")
    wait_until(lambda: next(threads(daemon.pid))["Seccomp"] == FILTER, 5, "it is in the sandbox")
    assert caps(next(threads(daemon.pid)), "CapEff", "CapPrm", "CapBnd") == [0, 0, 0]


def unprivileged(argv, ambient=""):
    return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", f"--inh-caps={ambient or '-all'}",
            f"--ambient-caps={ambient or '-all'}", *argv]


def test_the_unit_s_way_needs_no_root(node, upstream):
    """Ambient CAP_NET_BIND_SERVICE, as the systemd unit gives it: works, gives it to nobody, and is in the sandbox."""
    conf = node.dir / "ntpd.conf"
    conf.write_text(CONF)
    daemon = node.start(unprivileged([program("ntpd"), "-n", "--software-clock", "-l", "stderr", "-c", conf],
                                     "+net_bind_service"), "ntpd")
    daemons.wait_synchronised(node)
    status = next(threads(daemon.pid))
    assert status["Uid"].split() == [str(UID)] * 4
    assert caps(status, "CapEff", "CapPrm", "CapInh", "CapAmb") == [NET_BIND_SERVICE, NET_BIND_SERVICE, 0, 0]
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == FILTER


@pytest.mark.parametrize("option, expected", [((), "0"), (("--sandbox",), FILTER)])
def test_without_privileges_only_on_demand(node, upstream, option, expected):
    """Whoever has nothing worth taking is left as he is, for tools that look into a process."""
    node.run(["sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0"])
    conf = node.dir / "ntpd.conf"
    conf.write_text(CONF)
    daemon = node.start(unprivileged([program("ntpd"), "-n", "--software-clock", "-l", "stderr", "-c", conf, *option]),
                        "ntpd")
    daemons.wait_synchronised(node)
    assert next(threads(daemon.pid))["Seccomp"] == expected


def test_no_sandbox_is_none(node, upstream):
    daemon = daemons.ntpd(node, CONF, "--no-sandbox")
    daemons.wait_answers(node)
    assert next(threads(daemon.pid))["Seccomp"] == "0"


def test_yes_and_no_is_a_usage_error(node):
    result = node.run([program("ntpd"), "--sandbox", "--no-sandbox", "-n"])
    assert result.returncode == 1 and "--no-sandbox" in result.stderr


# ---- a step that fails ----

def failing(node, call, *args):
    """ntpd on a kernel where one system call fails."""
    conf = node.dir / "ntpd.conf"
    conf.write_text(CONF)
    return ["strace", "-D", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EPERM", program("ntpd"), "-n",
            "--software-clock", "-l", "stderr", "-c", conf, "-u", "ntp", *args]


@pytest.mark.parametrize("call, said, options", [
    ("setgroups", "cannot become user ntp", ()), ("setgid", "cannot become user ntp", ()),
    ("setuid", "cannot become user ntp", ()), ("capset", "capabilities cannot be reduced", ()),
    ("prctl", "cannot become user ntp", ()), ("prlimit64", "cannot be hardened", ()),
    ("chroot", "root cannot be changed to /run", ("-i", "/run")),
    ("seccomp", "there is none to be had", ("--sandbox",))])
def test_a_failed_step_of_the_drop_ends_the_start(node, call, said, options):
    """PRIV-02: 255, and one line that tells what failed."""
    result = node.run(failing(node, call, *options))
    assert result.returncode == 255, result
    assert said in result.stderr


def test_without_root_another_user_cannot_be_had(node):
    conf = node.dir / "ntpd.conf"
    conf.write_text(CONF)
    result = node.run(unprivileged([program("ntpd"), "-n", "--software-clock", "-l", "stderr", "-c", conf, "-u", "root"],
                                   "+net_bind_service"))
    assert result.returncode == 255 and "cannot become user root" in result.stderr, result


def test_a_kernel_without_filters_is_lived_with(node, upstream):
    daemon = node.start(failing(node, "seccomp"), "ntpd")
    daemons.wait_synchronised(node)
    assert next(threads(daemon.pid))["Seccomp"] == "0"
    assert daemon.log().count("no sandbox to be had") == 1


# ---- what cannot be done ----

def forbidden(node, *args):
    path = program("tests/daemon/forbidden")
    return node.run([path, "-u", "ntp", *args])


@pytest.mark.parametrize("deed", [("nothing",), ("udp",), ("-a", "read-clock")])
def test_what_is_needed_is_possible(node, deed):
    result = forbidden(node, *deed)
    assert (result.returncode, result.stdout) == (0, "done\n"), result


@pytest.mark.parametrize("deed, call", [
    ("execve", "execve"), ("execveat", "execveat"), ("fork", "clone"), ("clone3", "clone3"), ("ptrace", "ptrace"),
    ("process_vm_readv", "process_vm_readv"), ("kill", "kill"), ("tgkill", "tgkill"), ("setuid", "setuid"),
    ("capset", "capset"), ("socket-packet", "socket"), ("socket-raw", "socket"), ("socket-raw6", "socket"),
    ("socket-audit", "socket"), ("listen", "listen"), ("clock_settime", "clock_settime"),
    ("memfd_create", "memfd_create"), ("mount", "mount"), ("chroot", "chroot"), ("chmod", "chmod"), ("bpf", "bpf"),
    ("io_uring_setup", "io_uring_setup"), ("userfaultfd", "userfaultfd"), ("prctl", "prctl"),
    ("prlimit64", "prlimit64"), ("rt_sigaction", "rt_sigaction"), ("high-bits", "rt_sigaction")])
@pytest.mark.parametrize("thread", [False, True])
def test_forbidden_call_kills_and_is_named(node, deed, call, thread):
    """PRIV-03, PRIV-04: whichever thread makes it."""
    result = forbidden(node, *(["-t"] if thread else []), deed)
    assert result.returncode in (KILLED, 128 - KILLED), result
    assert result.stdout == ""
    assert re.search(rf"ntpd\[\d+\]: forbidden system call {call}: ", result.stderr), result


@pytest.mark.parametrize("deed, call", [("read-clock", "(clock_)?adjtime(x)?"), ("set-clock", "(clock_)?adjtime(x)?"),
                                        ("clock_settime", "clock_settime"), ("settimeofday", "settimeofday")])
def test_the_process_that_parses_has_no_call_that_sets_a_clock(node, deed, call):
    """PRIV-07: not even the one that reads it, as that is the same."""
    result = forbidden(node, deed)
    assert result.returncode in (KILLED, 128 - KILLED) and result.stdout == "", result
    assert re.search(rf"ntpd\[\d+\]: forbidden system call {call}: ", result.stderr), result


@pytest.mark.parametrize("deed, expected", [("nothing", 0), ("read-clock", 0), ("set-clock", 3)])
def test_the_clock_process_may_adjust_as_far_as_its_rights_go(node, deed, expected):
    """PRIV-07: refused here by the kernel, as nobody in these tests has the right."""
    assert forbidden(node, "-k", deed).returncode == expected


@pytest.mark.parametrize("deed", ["open-read", "open-write", "write", "mmap", "udp", "socketpair", "fork", "clone3", "execve", "ptrace", "kill",
                                  "setuid", "capset", "prctl", "clock_settime", "settimeofday", "other-clock", "chroot", "mount",
                                  "process_vm_readv", "x32", "abort"])
def test_the_clock_process_dies_of_anything_else(node, deed):
    """PRIV-07"""
    result = forbidden(node, "-k", deed)
    assert result.returncode in (KILLED, 128 - KILLED) and result.stdout == "", result


@pytest.mark.parametrize("deed", ["x32", "blocked"])
def test_another_abi_or_a_blocked_signal_dies_without_a_word(node, deed):
    """The kernel kills by itself where our handler is not asked."""
    result = forbidden(node, deed)
    assert result.returncode in (KILLED, 128 - KILLED) and result.stdout == "", result


@pytest.mark.parametrize("deed", ["mmap-exec", "mprotect-exec", "socket-stream"])
def test_what_libraries_may_try_is_refused(node, deed):
    """Refused, not killed: a library goes on without."""
    result = forbidden(node, deed)
    assert (result.returncode, result.stdout) == (3, "refused: Permission denied\n"), result


@pytest.mark.parametrize("deed", ["open-read", "open-write"])
def test_keys_of_root_stay_closed(node, deed):
    """PRIV-03: DAC decides, as the user is not root and has no capability that overrides it."""
    keys = node.dir / "etc/ntp.keys"
    keys.write_text("1 MD5 secret\n")
    keys.chmod(0o600)
    result = forbidden(node, deed, keys)
    assert (result.returncode, result.stdout) == (3, "refused: Permission denied\n"), result


def test_an_aborted_process_dies_of_that(node):
    """A failed assertion is not mistaken for somebody at work."""
    result = forbidden(node, "abort")
    assert result.returncode in (-signal.SIGABRT, 128 + signal.SIGABRT) and "forbidden" not in result.stderr, result


def test_a_forbidden_call_is_named_in_the_log_file(node):
    log = node.dir / "lib/ntp/log"
    log.touch()
    os.chown(log, UID, UID)
    forbidden(node, "-l", log, "execve")
    assert re.fullmatch(r"ntpd\[\d+\]: forbidden system call execve: .*\n", log.read_text())


# ---- what goes on ----

def test_a_new_address_is_bound_in_the_sandbox(node, upstream, lab):
    """PRIV-03: the capability is kept for this."""
    asker = lab.node("asker", "192.0.2.77")
    daemons.ntpd(node, CONF + "interface listen eth0\n", "-u", "ntp")
    daemons.wait_answers(asker, OURS)
    subprocess.run(["ip", "-n", node.netns, "addr", "add", f"{LATER}/24", "dev", "eth0"], check=True)
    daemons.wait_answers(asker, LATER, timeout=10)


@pytest.mark.parametrize("backend", [{"EVENT_NOEPOLL": "1"}, {"EVENT_NOEPOLL": "1", "EVENT_NOPOLL": "1"}])
def test_every_backend_of_the_loop_works_in_the_sandbox(node, upstream, backend):
    daemon = daemons.ntpd(node, CONF, "-u", "ntp", env=backend)
    daemons.wait_synchronised(node)
    assert next(threads(daemon.pid))["Seccomp"] == FILTER
    assert daemon.stop() == 0


def test_reload_and_names_work_in_the_sandbox(node, upstream, lab):
    """SIGHUP reads the file and resolves a name in a restrict line by the C library; servers' names by our own resolver."""
    daemons.Names(lab.node("dns", "192.0.2.53"), {"time.example": UPSTREAM, "friend.example": "192.0.2.99"})
    daemon = daemons.ntpd(node, "driftfile /var/lib/ntp/drift\nserver time.example iburst\nrestrict default\n",
                          "-u", "ntp", name="ntpd")
    daemons.wait_synchronised(node)
    conf = node.dir / "ntpd.conf"
    conf.write_text(conf.read_text() + "restrict friend.example ignore\n")
    daemon.popen.send_signal(signal.SIGHUP)
    daemon.wait_log("configuration read again")
    assert daemon.alive() and daemons.wait_answers(node)


def test_log_to_syslog_works_in_the_sandbox(node, upstream):
    """Without /dev/log in the namespace syslog tries, and fails, for each line."""
    conf = node.dir / "ntpd.conf"
    conf.write_text(CONF)
    daemon = node.start([program("ntpd"), "-n", "--software-clock", "-u", "ntp", "-c", conf], "ntpd")
    daemons.wait_synchronised(node)
    daemon.popen.send_signal(signal.SIGHUP)
    daemon.popen.send_signal(signal.SIGUSR1)
    daemons.wait_answers(node)


# ---- limits, and the second one ----

def test_rlimit_is_in_force_and_memory_that_cannot_be_locked_is_said(node, upstream):
    """4 MB are fewer than the process has, so it goes on unlocked; tests/vm has one that is locked."""
    daemon = daemons.ntpd(node, CONF + "rlimit memlock 4 stacksize 100 filenum 200\n", "-u", "ntp")
    daemons.wait_synchronised(node)
    with open(f"/proc/{daemon.pid}/limits", encoding="ascii") as file:
        limits = {line[:25].strip(): line[25:].split()[:2] for line in file}
    assert limits["Max locked memory"] == [str(4 << 20)] * 2
    assert limits["Max stack size"] == [str(100 * 4096)] * 2
    assert limits["Max open files"] == ["200"] * 2
    assert next(threads(daemon.pid))["VmLck"].split()[0] == "0"
    assert daemon.log().count("rlimit memlock 4: the memory cannot be locked") == 1


# ---- the clock process ----

def status_of(pid):
    return next(threads(pid))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def clock_process(pid):
    """That of this daemon once it is confined, or None.  strace has children of its own for a moment."""
    for child in children(pid):
        try:
            status = status_of(child)
        except FileNotFoundError:
            continue
        if status["Name"] == "ntpd-clock" and status["Seccomp"] == FILTER:
            return child
    return None


def serve_clock(node, path="/run/clock"):
    made = node.start(unprivileged([program("ntpd"), f"--serve-clock={path}"], "+net_bind_service"), "clock", may_end=True)
    wait_until(lambda: node.run(["test", "-S", path]).returncode == 0, 5, "the socket is there")
    return made


def test_the_software_clock_needs_no_clock_process(node, upstream):
    daemon = daemons.ntpd(node, CONF, "-u", "ntp")
    daemons.wait_synchronised(node)
    assert children(daemon.pid) == []


def test_a_clock_process_has_nothing_but_its_link(node):
    """PRIV-07.  Looked at before its daemon meets the refusal that these tests have for it."""
    conf = node.dir / "ntpd.conf"
    conf.write_text(CONF)
    # The daemon stands still for three seconds where it has made the clock process and nothing else.
    daemon = node.start(["strace", "-D", "-o", "/dev/null", "-e", "trace=epoll_create1", "-e", "inject=epoll_create1:delay_enter=3000000",
                         program("ntpd"), "-n", "-l", "stderr", "-c", conf, "-u", "ntp"], "ntpd", may_end=True)
    child = wait_until(lambda: clock_process(daemon.pid), 5, "there is a confined clock process")
    status = status_of(child)
    assert status["Uid"].split() == status["Gid"].split() == [str(UID)] * 4 and status["Groups"].split() == []
    # Nobody has CAP_SYS_TIME in these tests: so it is left with nothing at all.
    assert caps(status, "CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb") == [0] * 5
    assert status["NoNewPrivs"] == "1" and status["Threads"] == "1"
    assert sorted(os.readlink(f"/proc/{child}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{child}/fd")) == ["/dev/null"] * 3 + ["socket"]
    assert os.readlink(f"/proc/{child}/root").endswith("(deleted)") and os.listdir(f"/proc/{child}/root") == []
    assert daemon.wait(15) == 1 and "cannot be steered" in daemon.log()
    wait_until(lambda: not os.path.exists(f"/proc/{child}"), 5, "it has ended with the daemon")
    assert node.run(["sh", "-c", "ls /run | grep ntpd-clock"]).stdout == ""


def test_a_clock_process_of_its_own_unit_is_met_once(node):
    """The two units' way; the clock process tells why it cannot be had, and the socket is gone."""
    conf = node.dir / "ntpd.conf"
    conf.write_text(CONF)
    node.run(["chmod", "777", "/run"])
    clock = serve_clock(node)
    argv = unprivileged([program("ntpd"), "-n", "-l", "stderr", "-c", conf, "--clock=/run/clock"], "+net_bind_service")
    first = node.run(argv, timeout=20)
    assert first.returncode == 1 and "cannot be steered" in first.stderr and "not permitted" in first.stderr, first
    wait_until(lambda: not clock.alive(), 5, "it has ended with the daemon")
    second = node.run(argv, timeout=20)
    assert second.returncode == 1 and "no clock process is to be met at /run/clock" in second.stderr, second


def test_a_clock_process_s_socket_is_its_user_s_alone(node):
    node.run(["chmod", "777", "/run"])
    serve_clock(node)
    said = node.run(["stat", "-c", "%a %u", "/run/clock"]).stdout.split()
    assert said == ["600", str(UID)]


def test_a_stack_too_small_is_not_taken(node, upstream):
    daemon = daemons.ntpd(node, CONF + "rlimit stacksize 1\n", "-u", "ntp")
    daemons.wait_synchronised(node)
    assert "rlimit stacksize 1: fewer than 64 pages would not do" in daemon.log()


def test_the_second_daemon_does_not_touch_the_clock(node, upstream):
    """SYS-13: on the kernel's clock, so that an attempt would be seen; the first is on its own clock."""
    daemons.ntpd(node, CONF)
    daemons.wait_answers(node)
    second = daemons.ntpd(node, CONF, name="second", software_clock=False, trace=True, may_end=True)
    assert second.wait(10) == 1
    assert re.search("in use|another time daemon", second.log())
    assert daemons.clock_attempts(node) == []
    assert ask(node.socket(), "127.0.0.1") is not None


def test_a_forbidden_call_of_the_daemon_itself_is_none(node, upstream):
    """Variables of every kind are asked for, among them those of the kernel's clock."""
    daemon = daemons.ntpd(node, CONF, "-u", "ntp")
    daemons.wait_synchronised(node)
    for command in ("rv", "kerninfo", "sysinfo", "sysstats", "iostats", "monstats", "mrulist", "peers", "authinfo"):
        node.run([program("ntpq"), "-c", command])
    with node.socket() as sock:
        assert read_variables(sock, "127.0.0.1")
    assert "forbidden system call" not in daemon.log()
    assert daemon.stop() == 0


def test_the_apparmor_profile_parses():
    result = subprocess.run(["apparmor_parser", "-QTK", TOP / "conf/apparmor/usr.sbin.ntpd"], capture_output=True,
                            text=True, check=False)
    # Where the running kernel has no AppArmor the parser says that it keeps no cache.
    said = [line for line in result.stderr.splitlines() if not line.startswith("Cache read/write disabled")]
    assert result.returncode == 0 and said == [], result
