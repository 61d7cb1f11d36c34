# SPDX-License-Identifier: BSD-2-Clause
"""The system around the daemon fails: memory, descriptors, disks, networks, names, time to run, and those who start it."""
import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

import pytest

import daemons
from lab import BUILD, DNS_ADDR, program, wait_until
from ntpwire import Control, ask, associations, read_variables
from test_sandbox import SANITIZED

OURS, UPSTREAM, LATER = "192.0.2.1", "192.0.2.10", "192.0.2.99"
CONF = f"driftfile /var/lib/ntp/drift\nserver {UPSTREAM} iburst minpoll 3 maxpoll 3\nrestrict default\n"


@pytest.fixture
def node(lab):
    return lab.node("node", OURS)


@pytest.fixture
def upstream(lab):
    return daemons.TimeServer(lab.node("up", UPSTREAM), {UPSTREAM: {}})


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def processor(pid):
    """Seconds of processor time used so far."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def polls_go_on(timeserver, count=2):
    """As many more requests arrive upstream."""
    asked = len(timeserver.requests())
    wait_until(lambda: len(timeserver.requests()) >= asked + count, 10 * count + 10, f"{count} more polls", interval=0.5)


# ---- descriptors (SYS-10) ----

def test_without_descriptors_time_is_served_and_later_sources_are_asked_again(node, upstream):
    daemon = daemons.ntpd(node, CONF)
    daemons.wait_synchronised(node)
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1, hard))
    asked, busy, lines = len(upstream.requests()), processor(daemon.pid), len(daemon.log().splitlines())
    with node.socket() as sock:
        for _ in range(20):
            assert ask(sock, "127.0.0.1", tries=1) is not None
            time.sleep(0.8)
    assert len(upstream.requests()) - asked <= 2, "the one under way"
    assert processor(daemon.pid) - busy < 0.05 * 16, "it spins"
    assert len(daemon.log().splitlines()) - lines <= 3, daemon.log()
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    polls_go_on(upstream, 1)
    daemons.wait_synchronised(node)


def test_descriptors_that_are_too_few_at_start_are_said(node):
    result = node.run(["sh", "-c", f"ulimit -n 6; exec {program('ntpd')} -n -l stderr --software-clock -c /dev/null"])
    assert result.returncode == 1 and "Too many open files" in result.stderr, result


# ---- disks (FILE-02, FILE-04) ----

@pytest.fixture
def small_disk(node):
    """256 kB."""
    where = node.dir / "small"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", where], check=True)
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def test_a_full_disk_costs_the_records_and_nothing_else(node, upstream, small_disk):
    """One line for each file, not one for each record; and when there is room again, records."""
    ballast = small_disk / "ballast"
    with open(ballast, "wb") as file, pytest.raises(OSError):
        file.write(bytes(1 << 20))
    daemon = daemons.ntpd(node, CONF.replace("/var/lib/ntp", str(small_disk)) + f"statsdir {small_disk}/\nstatistics loopstats peerstats rawstats\n")
    daemons.wait_synchronised(node)
    polls_go_on(upstream)
    assert daemon.log().count("No space left on device") in (1, 2, 3), daemon.log()
    ballast.unlink()
    polls_go_on(upstream)
    wait_until(lambda: any(p.stat().st_size > 0 for p in small_disk.glob("rawstats*")), 10, "records again")
    assert daemon.stop() == 0


def test_a_state_directory_that_has_gone_is_one_line_at_the_end(node, upstream):
    (node.dir / "lib/ntp/drift").write_text("25.000\n")
    daemon = daemons.ntpd(node, CONF)
    daemons.wait_synchronised(node)
    with node.socket() as sock:
        wait_until(lambda: abs(float(read_variables(sock, "127.0.0.1")["frequency"]) - 25) > 0.01, 20, "another frequency")
    shutil.rmtree(node.dir / "lib/ntp")
    polls_go_on(upstream, 1)
    assert daemon.stop() == 0
    assert daemon.log().count("drift file /var/lib/ntp/drift cannot be written") == 1, daemon.log()


@pytest.mark.parametrize("plant", ["symlink", "hardlink", "fifo", "directory"])
def test_a_planted_pid_file_is_left_alone(node, plant):
    """FILE-02: root writes it, perhaps where another may write too."""
    victim, path = node.dir / "victim", node.dir / "run/ntpd.pid"
    victim.write_text("precious")
    {"symlink": path.symlink_to, "hardlink": path.hardlink_to, "fifo": lambda _: os.mkfifo(path), "directory": lambda _: path.mkdir()}[plant](victim)
    daemon = daemons.ntpd(node, "restrict default\n")
    daemons.wait_answers(node)
    assert victim.read_text() == "precious"
    assert daemon.log().count("pid file /run/ntpd.pid") == 1
    daemon.stop()


# ---- configuration (CONF-06) ----

def test_no_configuration_is_taken_from_where_we_stand(node):
    """Planted in the working directory, the home directory and the environment."""
    for name in ("ntp.conf", "ntpd.conf", ".ntprc"):
        (node.dir / name).write_text("restrict default\nserver 192.0.2.66\n")
    env = {"HOME": str(node.dir), "NTP_CONF": str(node.dir / "ntp.conf"), "NTPCONF": str(node.dir / "ntp.conf"), "PWD": str(node.dir)}
    daemon = node.start(["sh", "-c", f"cd {node.dir} && exec {program('ntpd')} -n -l stderr --software-clock"], "ntpd", env=env)
    daemons.wait_answers(node)
    assert "no server or pool is configured" in daemon.log()
    assert "192.0.2.66" not in daemons.try_peers(node)


@pytest.mark.parametrize("mode", [0o602, 0o622, 0o666])
def test_a_configuration_that_everybody_may_write_is_refused(node, mode):
    path = node.dir / "loose.conf"
    path.write_text("restrict default\n")
    path.chmod(mode)
    result = node.run([program("ntpd"), "-n", "-l", "stderr", "--software-clock", "-c", path])
    assert result.returncode == 1 and "loose.conf" in result.stderr, result


# ---- the network and names (SYS-06, SYS-08) ----

def test_an_address_that_flaps_leaks_nothing(node, upstream, lab):
    """SYS-06: three hundred times, with a socket for each address."""
    asker = lab.node("asker", "192.0.2.77")
    daemon = daemons.ntpd(node, CONF + "interface listen eth0\n")
    daemons.wait_synchronised(node, OURS)
    files, lines = descriptors(daemon.pid), len(daemon.log().splitlines())
    batch = f"addr add {LATER}/24 dev eth0\naddr del {LATER}/24 dev eth0\n" * 150
    subprocess.run(["ip", "-n", node.netns, "-batch", "-"], input=batch, text=True, check=True)
    subprocess.run(["ip", "-n", node.netns, "addr", "add", f"{LATER}/24", "dev", "eth0"], check=True)
    daemons.wait_answers(asker, LATER, timeout=10)
    subprocess.run(["ip", "-n", node.netns, "addr", "del", f"{LATER}/24", "dev", "eth0"], check=True)
    wait_until(lambda: descriptors(daemon.pid) <= files, 10, "as many descriptors as before")
    assert len(daemon.log().splitlines()) - lines < 100
    polls_go_on(upstream, 1)
    assert daemon.alive()


def test_a_name_server_that_lies_gives_no_more_than_maxclock_sources(node, lab):
    """SYS-08: a hundred addresses, most of them such as nobody can be at; only some that can be are asked."""
    good = [f"192.0.2.{i}" for i in range(100, 104)]
    bad = ["127.0.0.1", "0.0.0.0", "224.0.1.1", "255.255.255.255", "240.0.0.1", "::1", "::", "ff02::101"]
    many = [f"198.51.100.{i}" for i in range(1, 12)]
    up = lab.node("up", DNS_ADDR, *good)
    daemons.TimeServer(up, {a: {} for a in good})
    daemons.Names(up, {"pool.example": bad + good + good + many})
    daemon = daemons.ntpd(node, "tos maxclock 6\npool pool.example iburst\nrestrict default\n")
    wait_until(lambda: len(daemons.try_peers(node)) >= 3, 20, "sources of the pool")
    time.sleep(3)
    rows = [a for a in daemons.peers(node) if a != "pool.example"]
    assert not set(rows) & set(bad) and len(rows) == len(set(rows))
    assert len(rows) <= 7, rows
    assert daemon.alive()


# ---- time to run (SYS-04, SYS-12) ----

def test_a_process_that_was_stopped_catches_up_with_one_poll(node, upstream):
    """SYS-04: two polls of 8 s are missed; no packets closer than the guard time follow, and requests of long ago are not answered late."""
    daemon = daemons.ntpd(node, CONF.replace(" iburst", ""))
    wait_until(lambda: len(upstream.requests()) >= 2, 30, "two polls")
    daemon.popen.send_signal(signal.SIGSTOP)
    before = len(upstream.requests())
    time.sleep(18)
    assert len(upstream.requests()) == before
    daemon.popen.send_signal(signal.SIGCONT)
    time.sleep(7)
    times = [r["time"] for r in upstream.requests()[before - 1:]]
    assert 2 <= len(times) <= 3, times
    assert all(b - a >= 1.9 for a, b in zip(times, times[1:])), times
    daemons.wait_synchronised(node)


def test_another_steersman_ends_the_start_before_the_clock_is_touched(node):
    """SYS-13: on other addresses, so that no UDP port is in its way.  What holds the lock here is what a daemon holds."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as ours, open(f"/run/netns/{node.netns}", encoding="ascii") as theirs:
        node._setns(theirs)
        holder = socket.socket()
        node._setns(ours)
    with holder:
        holder.bind(("0.0.0.0", 123))
        daemon = daemons.ntpd(node, "interface listen eth0\nrestrict default\n", software_clock=False, trace=True, may_end=True)
        assert daemon.wait(10) == 1
        assert "another time daemon is at work here" in daemon.log()
        assert daemons.clock_attempts(node) == []
        # Who has a clock of his own is in nobody's way, and nobody in his.
        daemons.ntpd(node, CONF, name="software")
        daemons.wait_answers(node)


def test_workers_sockets_are_shared_with_no_second_daemon(node):
    """SYS-13: with SO_REUSEPORT the kernel would let it in."""
    conf = "workers 2\nrestrict default\n"
    daemons.ntpd(node, conf)
    daemons.wait_answers(node)
    second = daemons.ntpd(node, conf, name="second", may_end=True)
    assert second.wait(10) == 1
    assert "Address already in use" in second.log()
    daemons.wait_answers(node)


def test_signals_at_any_moment_end_it_within_two_seconds(node):
    """SYS-12: during start, lookups that nobody answers, twice; and the drift file, if there is one, is whole."""
    drift = node.dir / "lib/ntp/drift"
    drift.write_text("12.500000\n")
    for wait in (0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3):
        daemon = daemons.ntpd(node, CONF + "server nowhere.example\npool pool.example\n", name=f"ntpd{wait}", may_end=True)
        time.sleep(wait)
        began = time.monotonic()
        daemon.popen.send_signal(signal.SIGTERM)
        daemon.popen.send_signal(signal.SIGTERM)
        assert daemon.wait(5) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 2
        assert drift.read_text() == "12.500000\n"


# ---- doors (LOC-01) ----

def test_nothing_waits_for_connections(node, upstream):
    """There is no page to be had by TCP, nor anything else: port 123 of UDP is the only way in, for whoever is on the machine too."""
    daemon = daemons.ntpd(node, CONF + "workers 2\nkeys /etc/ntp.keys\nstatsdir /var/lib/ntp/\nstatistics loopstats\n")
    daemons.wait_synchronised(node)
    assert "ntpd" in node.run(["ss", "-Hulnp"]).stdout, "ss does not see it"
    assert node.run(["ss", "-Htln"]).stdout == "" and node.run(["ss", "-Hln", "--dccp", "--sctp", "--raw"]).stdout == ""
    assert not re.search(rf"pid={daemon.pid},", node.run(["ss", "-Hxlp"]).stdout)
    ports = {line.split()[3].rpartition(":")[2] for line in node.run(["ss", "-Huanp"]).stdout.splitlines() if line.startswith("UNCONN") and "ntpd" in line}
    assert ports == {"123"}


# ---- the service manager (SYS-14) ----

@contextlib.contextmanager
def short_name(directory):
    """A name for a directory that leaves room in the 108 octets of a Unix socket's."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    yield f"/proc/self/fd/{fd}"
    os.close(fd)


@pytest.fixture
def manager(node):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, short_name(node.dir / "run") as run:
        sock.bind(f"{run}/notify")
        sock.settimeout(0.1)
        yield sock


def told(manager, seconds):
    """What arrives in so long."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found += manager.recv(4096).decode().split("\n")
        except TimeoutError:
            pass
    return found


def test_the_watchdog_is_fed_by_a_loop_that_turns_and_by_nothing_else(node, manager):
    """A name server that does not answer holds nothing up; a stopped process feeds nobody; nor does one that was not meant."""
    daemon = daemons.ntpd(node, CONF + "server nowhere.example\n", env={"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "600000"})
    daemons.wait_answers(node)
    assert 7 <= told(manager, 3).count("WATCHDOG=1") <= 12
    daemon.popen.send_signal(signal.SIGSTOP)
    told(manager, 0.3)
    assert told(manager, 1.5) == []
    daemon.popen.send_signal(signal.SIGCONT)
    assert "WATCHDOG=1" in told(manager, 1)
    daemon.stop()
    told(manager, 0.2)
    for env in ({"WATCHDOG_PID": "1", "WATCHDOG_USEC": "600000"}, {"WATCHDOG_USEC": "-5"}, {"WATCHDOG_USEC": "0"}, {}):
        daemon = daemons.ntpd(node, CONF, name="other", env={"NOTIFY_SOCKET": "/run/notify", **env})
        assert "WATCHDOG=1" not in told(manager, 1.2)
        daemon.stop()


@pytest.mark.parametrize("path", ["/run/nobody", "relative", "@nobody", "/etc", "too long", "/run/full"])
def test_a_hostile_notify_socket_holds_nothing_up(node, upstream, path):
    """One that nobody reads is full after a few datagrams."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full, short_name(node.dir / "run") as run:
        full.bind(f"{run}/full")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
            filler.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    filler.sendto(b"x", f"{run}/full")
        daemon = daemons.ntpd(node, CONF, env={"NOTIFY_SOCKET": "/" + "x" * 300 if path == "too long" else path, "WATCHDOG_USEC": "20000"})
        daemons.wait_synchronised(node)
        assert daemon.stop() == 0


# ---- secrets and what the binary is made of (PRIV-05, PRIV-06) ----

def test_programs_are_hardened():
    """Position-independent, full RELRO, no executable stack, stack protector, fortified."""
    if SANITIZED:
        pytest.skip("sanitized builds are for finding faults")
    for name in ("ntpd", "ntpq", "ntpstat", "ntpwait"):
        def readelf(*what):
            return subprocess.run(["readelf", "-W", *what, program(name)], capture_output=True, text=True, check=True).stdout
        assert re.search(r"Type:\s+DYN", readelf("-h")), name
        dynamic, headers, symbols = readelf("-d"), readelf("-l"), readelf("--dyn-syms")
        assert "BIND_NOW" in dynamic and "GNU_RELRO" in headers and "TEXTREL" not in dynamic, name
        assert re.search(r"GNU_STACK.*RW\s", headers) and not re.search(r"LOAD.*RWE", headers), name
        assert "__stack_chk_fail" in symbols and "_chk@" in symbols, name


def test_no_function_is_there_that_writes_without_a_bound():
    """And nothing of mode 7 (SRV-03): its structures and requests have names that everybody gives them."""
    for name in ("ntpd", "ntpq", "ntpstat", "ntpwait"):
        undefined = subprocess.run(["nm", "-D", "--undefined-only", program(name)], capture_output=True, text=True, check=True).stdout
        assert not set(re.findall(r"\bU (\w+)", undefined)) & {"strcpy", "strcat", "sprintf", "vsprintf", "gets", "stpcpy", "strncat", "tmpnam", "mktemp",
                                                               "__strcpy_chk", "__strcat_chk", "__sprintf_chk", "__stpcpy_chk", "alloca"}, name
    names = subprocess.run(["nm", program("ntpd")], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"mode_?7|req_pkt|resp_pkt|monlist|ntp_request", names, re.IGNORECASE)


def test_secrets_are_in_no_log_reply_or_environment(node, upstream):
    """At the highest level of debugging; keys, and the times that replies must echo."""
    secret = "sTroNgSeCrEt42"
    keys = node.dir / "etc/ntp.keys"
    broken = node.dir / "broken.keys"
    broken.write_text(f"1 MD5 {secret}\n2 NONSENSE {secret}\n3 SHA1 {'5e' * 30}\n{secret}\n")
    conf = node.dir / "broken.conf"
    conf.write_text(f"keys {broken}\ntrustedkey 1 2\n")
    result = node.run(["timeout", "1", program("ntpd"), "-n", "-l", "stderr", "-D", "9", "--software-clock", "-c", conf])
    assert "broken.keys" in result.stdout + result.stderr
    keys.write_text(f"1 MD5 {secret}\n2 SHA1 {'5e' * 20}\n")
    keys.chmod(0o600)
    daemon = daemons.ntpd(node, CONF + f"keys /etc/ntp.keys\ntrustedkey 1 2\nserver {OURS} key 1\n", "-D", "9")
    daemons.wait_synchronised(node)
    shown = daemon.log() + result.stdout + result.stderr
    for command in ("rv", "peers", "authinfo", "sysinfo", "lpassociations"):
        result = node.run([program("ntpq"), "-c", command])
        shown += result.stdout + result.stderr
    with node.socket() as sock:
        for assoc in associations(sock, "127.0.0.1"):
            shown += repr(read_variables(sock, "127.0.0.1", assoc))
    shown += pathlib.Path(f"/proc/{daemon.pid}/environ").read_text() + pathlib.Path(f"/proc/{daemon.pid}/cmdline").read_text()
    origins = [f"{int.from_bytes(r['header'][40:48], 'big'):016x}" for r in upstream.requests()]
    assert origins and len(shown) > 1000
    for word in (secret, secret.encode().hex(), "5e" * 6, *origins, *(f"{o[:8]}.{o[8:]}" for o in origins)):
        assert word.lower() not in shown.lower(), word


def test_a_chroot_holds_the_daemon_and_it_works_in_there(node, upstream, lab):
    """PRIV-05: names are looked up, the file is read again and the drift file written through what was opened or is inside."""
    if SANITIZED:
        pytest.skip("a sanitizer's runtime wants /proc")
    jail = node.dir / "jail"
    for sub in ("etc", "var/lib/ntp"):
        (jail / sub).mkdir(parents=True)
    (jail / "var/lib/ntp").chmod(0o777)
    daemons.Names(lab.node("dns", DNS_ADDR), {"time.example": UPSTREAM})
    (jail / "etc/resolv.conf").write_text(f"nameserver {DNS_ADDR}\n")
    daemon = daemons.ntpd(node, CONF.replace(UPSTREAM, "time.example"), "-i", jail)
    daemons.wait_synchronised(node)
    assert os.readlink(f"/proc/{daemon.pid}/root") == str(jail)
    for fd in os.listdir(f"/proc/{daemon.pid}/fd"):
        target = os.readlink(f"/proc/{daemon.pid}/fd/{fd}")
        assert not os.path.isdir(target), f"a held directory leads outside: {target}"
    daemon.popen.send_signal(signal.SIGHUP)
    polls_go_on(upstream, 1)
    assert daemon.alive() and daemon.stop() == 0
