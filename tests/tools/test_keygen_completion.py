# SPDX-License-Identifier: BSD-2-Clause
"""ntpkeygen's files, and the completion of ntpq's command line: what needs no server."""
import os
import re
import subprocess

import pytest

from test_hostile import BUILD, TOP, run

BASH, ZSH = TOP / "conf/completion/ntpq.bash", TOP / "conf/completion/_ntpq"


# ---- ntpkeygen ----

def keygen(tmp_path, *args):
    return run("ntpkeygen", *args, cwd=tmp_path)


def read_keys(path):
    return [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_keys_file_and_its_link_are_made(tmp_path, umask):
    before = os.umask(umask)
    try:
        result = keygen(tmp_path, "-M")
    finally:
        os.umask(before)
    assert result.returncode == 0 and result.stderr == ""
    link = tmp_path / "ntp.keys"
    name = os.readlink(link)
    assert re.fullmatch(r"ntpkey_AES_.+\.\d{10}", name) and (tmp_path / name).stat().st_mode & 0o7777 == 0o600
    keys = read_keys(link)
    assert [int(k[0]) for k in keys] == list(range(1, 21))
    assert all(re.fullmatch("AES128CMAC [0-9a-f]{32}", " ".join(k[1:])) for k in keys[:10])
    assert all(re.fullmatch("SHA1 [0-9a-f]{40}", " ".join(k[1:])) for k in keys[10:])
    assert len({k[2] for k in keys}) == 20


def test_two_files_share_no_secret(tmp_path):
    for name in ("a", "b"):
        assert keygen(tmp_path, "-o", name).returncode == 0
    assert not {k[2] for k in read_keys(tmp_path / "a")} & {k[2] for k in read_keys(tmp_path / "b")}
    assert not (tmp_path / "ntp.keys").exists(), "a file that was named gets no link"


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "there").write_text("mine")
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("there", "link", "dangling"):
        result = keygen(tmp_path, "-o", name)
        assert result.returncode == 1 and "cannot be made" in result.stderr
    assert (tmp_path / "there").read_text() == (tmp_path / "target").read_text() == "mine" and not (tmp_path / "nowhere").exists()
    (tmp_path / "ntp.keys").write_text("mine")
    assert "stays as it is" in keygen(tmp_path).stderr and (tmp_path / "ntp.keys").read_text() == "mine"


def test_a_group_may_read_and_numbers_are_kept(tmp_path):
    assert keygen(tmp_path, "-o", "k", "-g", "daemon", "-f", "100", "-n", "2").returncode == 0
    assert (tmp_path / "k").stat().st_mode & 0o7777 == 0o640 and (tmp_path / "k").group() == "daemon"
    assert [k[0] for k in read_keys(tmp_path / "k")] == ["100", "101", "102", "103"]


@pytest.mark.parametrize("args", [["-x"], ["-n", "0"], ["-f", "x"], ["-f", "65536"], ["-f", "65530"], ["-g", "no-such-group"], ["extra"]])
def test_wrong_wishes_leave_nothing_behind(tmp_path, args):
    result = keygen(tmp_path, *args)
    assert result.returncode == 1 and result.stderr and list(tmp_path.iterdir()) == []


def test_ntpq_reads_the_file(tmp_path):
    """No host is asked: the key is looked for first."""
    assert keygen(tmp_path, "-o", "k").returncode == 0
    for key, known in ((1, True), (20, True), (21, False)):
        result = run("ntpq", "-k", "k", "-a", str(key), "-c", "ifstats", "127.0.0.9", cwd=tmp_path)
        assert ("There is no key" not in result.stderr) == known


# ---- completion ----

def complete(*words):
    """What bash offers for the last of the words."""
    script = f"""source {BASH}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_ntpq {BUILD}/ntpq "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}" """
    result = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, timeout=10)
    assert result.stderr == ""
    return result.stdout.split()


def test_bash_completes_options():
    assert complete("ntpq", "--n") == ["--numeric"] and complete("ntpq", "--ipv") == ["--ipv4", "--ipv6"]
    assert {"-4", "-c", "--json", "--layout", "--keyfile"} <= set(complete("ntpq", "-"))


def test_bash_completes_commands():
    assert complete("ntpq", "-c", "sys") == ["sysinfo", "sysstats"]
    assert complete("ntpq", "-p", "--command", "mru") == ["mrulist"]
    assert "readvar" in complete("ntpq", "-c", "")


def test_bash_completes_values():
    assert complete("ntpq", "-r", "") == ["hash", "ipv4"]
    assert complete("ntpq", "--layout", "=", "n") == ["ntpsec"] and complete("ntpq", "--layout=n") == ["ntpsec"]
    assert complete("ntpq", "-W", "") == []
    assert complete("ntpq", "-k", str(TOP / "Makef")) == [str(TOP / "Makefile")]


def test_bash_completes_hosts():
    assert "localhost" in complete("ntpq", "loc")


# A shell on a terminal of its own: what is typed, and what must be shown then.
ZSH_SESSION = """
zmodload zsh/zpty
zpty t zsh -f -i
zpty -w t 'PROMPT=; fpath=({conf} $fpath); path=({build} $path); autoload -U compinit; compinit -u -D; compdef _ntpq ntpq; echo rea""dy'
zpty -r -m t shown '*ready*'
type() {{ zpty -w -n t $'\\C-u'$1$'\\t'; zpty -r -m t shown $2 && print -r -- $1 }}
type 'ntpq -c mrul' '*mrulist*'
type 'ntpq --lay' '*layout*=*'
type 'ntpq --layout=nt' '*ntpsec*'
type 'ntpq -p local' '*localhost*'
zpty -d t
"""


def test_zsh_completes_commands_options_and_what_they_take(tmp_path):
    result = subprocess.run(["zsh", "-f", "-c", ZSH_SESSION.format(conf=ZSH.parent, build=BUILD)], capture_output=True, text=True, timeout=20,
                            check=False, env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb"})
    assert result.stdout.splitlines() == ["ntpq -c mrul", "ntpq --lay", "ntpq --layout=nt", "ntpq -p local"], result


def test_zsh_knows_the_options_that_there_are():
    options = {name for line in run("ntpq", "--help").stdout.splitlines() for name in re.findall(r"^ +(?:-\S, )? *--([a-z0-9-]+)", line)}
    assert len(options) > 10 and set(re.findall(r"--([a-z0-9-]+)=?[\[},]", ZSH.read_text())) == options


def test_install_puts_both_where_shells_look(tmp_path):
    makefile = (TOP / "Makefile").read_text()
    for path in ("$(DESTDIR)$(bashcompdir)/ntpq", "$(DESTDIR)$(zshcompdir)/_ntpq"):
        assert len(re.findall(rf"install -m 644 conf/completion/\S+ {re.escape(path)}\n", makefile)) == 1
