# SPDX-License-Identifier: BSD-2-Clause
# Builds, tests and installs Truechimer.  Two commands are enough on a fresh Debian:
#
#	sudo make run		install what is missing, build, run ntpd in the foreground with conf/ntp.conf
#	sudo make check		install what is missing, build, run every test
#
# Other targets: all deps install uninstall demo bench vmtest asan tsan lint clean

VERSION	= 0.1

# --- where things go when installed ------------------------------------------------------------
PREFIX		?= /usr/local
DESTDIR		?=
bindir		= $(PREFIX)/bin
sbindir		= $(PREFIX)/sbin
mandir		= $(PREFIX)/share/man
docdir		= $(PREFIX)/share/doc/truechimer
sysconfdir	= /etc
localstatedir	= /var
unitdir		= $(PREFIX)/lib/systemd/system
sysusersdir	= $(PREFIX)/lib/sysusers.d
tmpfilesdir	= $(PREFIX)/lib/tmpfiles.d
bashcompdir	= $(PREFIX)/share/bash-completion/completions
zshcompdir	= $(PREFIX)/share/zsh/site-functions
ntpunitsdir	= $(PREFIX)/lib/systemd/ntp-units.d

# --- what is needed to build, and to test ------------------------------------------------------
BUILD_DEPS = gcc make pkg-config libc6-dev libevent-dev libssl-dev libcap-dev libseccomp-dev libedit-dev
TEST_DEPS = check openssl clang clang-tidy valgrind binutils libclang-rt-14-dev cppcheck iproute2 iputils-ping dnsmasq-base strace python3 python3-pytest \
	python3-pytest-xdist procps busybox-static mandoc apparmor qemu-system-x86 debootstrap cpio kmod \
	zstd zsh gnuplot-nox fonts-liberation libgnutls30 libnettle8 libseccomp2 libedit2
DEPS = $(BUILD_DEPS) $(TEST_DEPS)

# --- how things are compiled -------------------------------------------------------------------
B	= build
CC	= gcc
CFLAGS	= -O2 -g
WARN	= -Wall -Wextra -Wshadow -Wconversion -Werror -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wformat=2
HARDEN	= -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
HARDEN_LD = -pie -Wl,-z,relro,-z,now,-z,noexecstack
SAN	=
# make Q= shows each command whole.
Q	= @
CPPFLAGS = -D_GNU_SOURCE -Iinclude -DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(sysconfdir)"'
PKGS	= libevent_core libevent_extra libssl libcrypto libcap libseccomp

pkg_cflags := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
pkg_libs := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
check_cflags := $(shell pkg-config --cflags check 2>/dev/null)
check_libs := $(shell pkg-config --libs check 2>/dev/null)
edit_cflags := $(shell pkg-config --cflags libedit 2>/dev/null)
crypto_libs := $(shell pkg-config --libs libcrypto 2>/dev/null)
edit_libs := $(shell pkg-config --libs libedit 2>/dev/null)

COMPILE	= $(CC) -std=gnu17 $(CPPFLAGS) $(pkg_cflags) $(WARN) $(HARDEN) $(CFLAGS) $(SAN) -MMD -MP
LINK	= $(CC) $(HARDEN) $(HARDEN_LD) $(CFLAGS) $(SAN)

# --- the house, ground floor up ----------------------------------------------------------------
SRC_base	= addr.c daysum.c log.c random.c time.c
SRC_wire	= control.c packet.c
SRC_engine	= cluster.c combine.c discipline.c estimator.c filter.c leap.c select.c sysvars.c
SRC_auth	= digest.c keys.c mac.c
SRC_nts		= siv.c records.c cookie.c fields.c shield.c warden.c tls.c talk.c keclient.c keserver.c counts.c
SRC_sysclock	= guard.c host.c keeper.c kept.c kernel.c order.c software.c sysclock.c
SRC_net		= ifaces.c resolv_files.c resolver.c steer.c udp.c ways.c
SRC_client	= assoc.c assoc_clock.c assoc_fit.c assoc_keys.c bclient.c broadcast.c client.c clock.c exchange.c keying.c leaps.c manycast.c naming.c peers.c roster.c source.c system.c
SRC_refclock	= calendar.c call.c dcf77.c formats.c frame.c gpsd.c gpsd_choice.c gpsd_json.c local.c models.c modem.c nmea.c nmea_parse.c oncore.c pps.c ppsdev.c readings.c receiver.c \
	refclock.c serial.c shm.c sock.c table.c timecode.c tsip.c
SRC_server	= counters.c crew.c depart.c interleave.c listener.c mru.c mrus.c port.c ratelimit.c relay.c respond.c restrict.c restrict_table.c serve.c signd.c snapshot.c tables.c worker.c
SRC_control	= budget.c changes.c mode6.c mrulist.c nonce.c ordered.c replay.c signature.c text.c vars.c vars_clock.c vars_peer.c vars_system.c view.c
SRC_stats	= filegen.c stats.c
SRC_config	= access.c clocks.c config.c directives.c filegen.c lexer.c lines.c modes.c option.c reader.c remote.c shutout.c simple.c sources.c unpeer.c value.c write.c
SRC_daemon	= background.c build.c clockproc.c clocks.c counted.c daemon.c driftfile.c leapfile.c limits.c lock.c modes.c mssntp.c names.c news.c notify.c nts.c options.c privilege.c reload.c remote.c sandbox.c settings.c statfiles.c steering.c view.c
ROOMS		= base wire engine auth sysclock net nts client server refclock control stats config daemon

SRC	= $(foreach room,$(ROOMS),$(addprefix src/$(room)/,$(SRC_$(room))))
OBJ	= $(SRC:%.c=$B/%.o)
LIB	= $B/libtruechimer.a

TOOLS	= ntpq ntpstat ntpwait ntpkeygen
PROGRAMS = ntpd $(TOOLS)

.PHONY: all deps run check check-unit check-sim check-net vmtest demo bench bench-accuracy fuzz asan tsan lint install uninstall clean distclean
.DELETE_ON_ERROR:

all: $(PROGRAMS:%=$B/%)

$B/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC	$<"
	$Q$(COMPILE) -c -o $@ $<

# When these sources were made; no true time is earlier.
BUILD_DATE := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),$(shell date +%s))
$B/src/daemon/build.o: CPPFLAGS += -DBUILD_DATE=$(BUILD_DATE)

$(LIB): $(OBJ)
	@rm -f $@
	@echo "  AR	$@"
	$Qar rcs $@ $^

$B/ntpd: $B/src/daemon/main.o $(LIB)
	@echo "  LD	$@"
	$Q$(LINK) -o $@ $^ $(pkg_libs) -lm

# --- tools: on base and wire, ntpq on auth too, each from its own files ------------------------------------
TOOL_ntpstat	= ntpstat.c
TOOL_ntpwait	= ntpwait.c
TOOL_shared	= $(filter-out src/tools/ntpq.c src/tools/ntpstat.c src/tools/ntpwait.c src/tools/ntpkeygen.c,$(wildcard src/tools/*.c))
TOOL_OBJ	= $(TOOL_shared:%.c=$B/%.o)
TOOL_LIB	= $B/libtools.a

$B/src/tools/%.o: pkg_cflags += $(edit_cflags)
$B/src/tools/%.o: CPPFLAGS += -Isrc

$(TOOL_LIB): $(TOOL_OBJ)
	@rm -f $@
	@echo "  AR	$@"
	$Qar rcs $@ $^

$B/ntpq: $B/src/tools/ntpq.o $(TOOL_LIB) $(LIB)
	@echo "  LD	$@"
	$Q$(LINK) -o $@ $^ $(edit_libs) $(crypto_libs) -lm

$B/ntpstat $B/ntpwait $B/ntpkeygen: $B/%: $B/src/tools/%.o $(TOOL_LIB) $(LIB)
	@echo "  LD	$@"
	$Q$(LINK) -o $@ $^ -lm

# --- unit tests: tests/<room>/test_<file>.c, each a program ------------------------------------
UNIT_SRC = $(wildcard tests/*/test_*.c tests/net/unit/test_*.c)
UNIT	= $(UNIT_SRC:tests/%.c=$B/tests/%)

$B/tests/%.o: CPPFLAGS += -Isrc -Itests
$B/tests/%.o: pkg_cflags += $(check_cflags)

$(filter $B/tests/tools/%,$(UNIT)): $(TOOL_LIB)

$(UNIT): %: %.o $(LIB)
	@echo "  LD	$@"
	$Q$(LINK) -o $@ $< $(filter $(TOOL_LIB),$^) $(LIB) $(check_libs) $(pkg_libs) -lm

# Seconds that one test may take.
UNIT_TIMEOUT = 30
check-unit: $(UNIT)
	@printf '%s\n' $(sort $(UNIT)) | CK_DEFAULT_TIMEOUT=$(UNIT_TIMEOUT) xargs -P 4 -I @ sh -c 'CK_TAP_LOG_FILE_NAME=@.tap @ >@.log 2>&1; s=$$?; cat @.log; exit $$s'

$B/tests/man/tables: $B/tests/man/tables.o $(LIB)
	@echo "  LD	$@"
	$Q$(LINK) -o $@ $^ $(pkg_libs) -lm

# --- the simulator -----------------------------------------------------------------------------
SIM_OBJ	= $(patsubst %.c,$B/%.o,$(filter-out $(UNIT_SRC),$(wildcard tests/sim/*.c)))

$B/ntpsim: $(SIM_OBJ) $(LIB)
	@echo "  LD	$@"
	$Q$(LINK) -o $@ $^ $(pkg_libs) -lm

# --- tests with real daemons, and the rest of the tests ----------------------------------------
$B/tests/net/timeserver: tests/net/timeserver.c
	@mkdir -p $(@D)
	@echo "  CC	$<"
	$Q$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $< -lm

BENCH = $B/tests/bench/load $B/tests/bench/bareloop

$B/tests/bench/load: $(addprefix tests/bench/,flood.c options.c samples.c sign.c flood.h options.h samples.h sign.h)
$B/tests/bench/load: bench_libs = $(crypto_libs)

$(BENCH): $B/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  CC	$<"
	$Q$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $(filter %.c,$^) $(bench_libs)

$B/tests/daemon/forbidden: $B/tests/daemon/forbidden.o $(LIB)
	@echo "  LD	$@"
	$Q$(LINK) -o $@ $^ $(pkg_libs) -lm

$B/tests/security/failmalloc.so: tests/security/failmalloc.c
	@mkdir -p $(@D)
	@echo "  CC	$<"
	$Q$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -fPIC -shared -o $@ $<

# All of them even if one fails, and what they mean for each row of tests/security/rows.
check: deps
	@rm -f $(UNIT:=.tap) $B/tests/*/results*
	@status=0; \
	$(MAKE) --no-print-directory -k all check-unit check-sim check-net vmtest lint || status=$$?; \
	tests/security/report --build $B || status=$$?; \
	exit $$status

# Only the tests that tests/security/rows names.
.PHONY: check-security soak analyse
check-security: deps
	@$(MAKE) --no-print-directory all $(UNIT) $B/ntpsim $B/tests/net/timeserver $B/tests/daemon/forbidden $B/tests/security/failmalloc.so
	tests/security/report --run --build $B

check-sim: $B/ntpsim
	tests/sim/check $B/ntpsim

check-net: all $B/tests/net/timeserver $B/tests/daemon/forbidden $B/tests/man/tables $B/tests/security/failmalloc.so
	tests/net/run tests/net tests/tools tests/compat

# A sanitised build on a bad network for so long, with its memory and descriptors watched, and a simulated week.
SOAK_SECONDS = 3600
soak:
	$(MAKE) $(ASAN) all build/asan/ntpsim build/asan/tests/net/timeserver
	TRUECHIMER_BUILD=$(CURDIR)/build/asan tests/net/isolated tests/security/soak $(SOAK_SECONDS)

vmtest: all
	tests/vm/run --junitxml=$(abspath $B)/tests/vm/results.xml

demo: all $B/tests/net/timeserver
	tests/net/demo

# BENCH_ARGS=--quick is the short one; see tests/bench/README.md.
bench: all $B/tests/net/timeserver $(BENCH)
	tests/bench/run $(BENCH_ARGS)

bench-accuracy: $B/ntpsim
	tests/sim/accuracy $B/ntpsim

# Each decoder against its corpus, then against what a search of this many seconds makes of it.
FUZZ_SECONDS = 20
fuzz:
	tests/fuzz/run $(FUZZ_SECONDS)

# Which lines of the decoders the corpora reach, with what searches on this machine have found.
.PHONY: fuzz-coverage
fuzz-coverage:
	@$(MAKE) --no-print-directory deps DEPS="$(DEPS) llvm"
	tests/fuzz/coverage

# The same tests on a build that reports every stray access and undefined operation.
ASAN = SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer" \
	HARDEN=-fPIE HARDEN_LD=-pie CFLAGS="-O1 -g" B=build/asan UNIT_TIMEOUT=180
asan:
	$(MAKE) $(ASAN) all check-unit build/asan/tests/net/timeserver
	TRUECHIMER_BUILD=$(CURDIR)/build/asan tests/net/run

# The rooms that know threads, on a build that reports every access that two of them make without an order.
TSAN = SAN="-fsanitize=thread -fno-omit-frame-pointer" HARDEN=-fPIE HARDEN_LD=-pie CFLAGS="-O1 -g" B=build/tsan
TSAN_UNIT = $(filter tests/server/% tests/auth/% tests/base/% %/test_steer %/test_udp %/test_mrulist %/test_mode6,$(UNIT_SRC:%.c=%))
tsan:
	$(MAKE) $(TSAN) all $(TSAN_UNIT:%=build/tsan/%) build/tsan/tests/net/timeserver
	@for t in $(TSAN_UNIT); do echo "  TSAN	$$t"; TSAN_OPTIONS=halt_on_error=1 build/tsan/$$t >build/tsan/$$t.log 2>&1 || { cat build/tsan/$$t.log; exit 1; }; done
	TRUECHIMER_BUILD=$(CURDIR)/build/tsan TSAN_OPTIONS=halt_on_error=1 tests/net/run tests/net/test_workers.py tests/net/test_interleaved.py

# What another compiler, two analysers and the manual's own checker have to say.
lint: all $B/tests/man/tables
	@echo "  LINT	clang"
	@for f in $(SRC) $(wildcard src/tools/*.c) src/daemon/main.c; do \
		clang -fsyntax-only -std=gnu17 $(CPPFLAGS) -Isrc $(pkg_cflags) $(edit_cflags) $(WARN) -O1 $$f || exit 1; \
	done
	@echo "  LINT	cppcheck"
	@cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
		-D_GNU_SOURCE -Iinclude -Isrc src
	@echo "  LINT	mandoc"
	@mandoc -T lint -W warning man/*.[1-9]
	@echo "  LINT	manual pages against the tables"
	@TRUECHIMER_BUILD=$(abspath $B) tests/man/check
	@$(MAKE) --no-print-directory check-compat

# What ntpd and NTPsec know, against what we know and what tests show of it.
.PHONY: check-compat
check-compat: all $B/tests/man/tables
	@TRUECHIMER_BUILD=$(abspath $B) tests/compat/check

# Two analysers that follow values through functions; minutes, so not part of lint.  What is left out has its reason in .clang-tidy; of gcc 12's
# analyser, leaks (it does not see lists own what they hold; LeakSanitizer does) and null dereferences (it does not see that an index
# which is not 0 names an entry; clang's analyser, which does, is the one that is asked).
ANALYSE_OUT = $(SRC:%.c=$B/analyse/%.o) $B/analyse/src/daemon/main.o
analyse: $(ANALYSE_OUT)
	@echo "  ANALYSE	clang-tidy"
	@printf '%s\n' $(SRC) src/daemon/main.c $(wildcard src/tools/*.c) | xargs -P 2 -n 6 sh -c \
		'clang-tidy --quiet "$$@" -- -std=gnu17 -D_GNU_SOURCE -DVERSION=__FILE__ -DSYSCONFDIR=__FILE__ -Iinclude -Isrc $(pkg_cflags) $(edit_cflags) 2>/dev/null' sh

$B/analyse/%.o: %.c
	@mkdir -p $(@D)
	@echo "  ANALYSE	$<"
	$Q$(CC) -std=gnu17 $(CPPFLAGS) -Isrc $(pkg_cflags) $(WARN) -O2 -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-null-dereference \
		-Wno-analyzer-possible-null-dereference -c -o $@ $<

# --- installing --------------------------------------------------------------------------------
UNITS = ntpd.service ntpd-clock.service ntp-wait.service
SUBST = sed -e 's|@sbindir@|$(sbindir)|g' -e 's|@bindir@|$(bindir)|g' -e 's|@sysconfdir@|$(sysconfdir)|g'

install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir) $(DESTDIR)$(sysconfdir) $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusersdir) \
		$(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(ntpunitsdir) $(DESTDIR)$(docdir) \
		$(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8
	install -m 755 $B/ntpd $B/ntpwait $B/ntpkeygen $(DESTDIR)$(sbindir)
	install -m 755 $B/ntpq $B/ntpstat $(DESTDIR)$(bindir)
	@# A configuration that is there is somebody's work.
	test -e $(DESTDIR)$(sysconfdir)/ntp.conf || install -m 644 conf/ntp.conf $(DESTDIR)$(sysconfdir)/ntp.conf
	install -d $(DESTDIR)$(mandir)/man7
	install -m 644 man/*.7 $(DESTDIR)$(mandir)/man7
	install -m 644 conf/ntp.conf conf/ntp-server.conf conf/ntp-client.conf conf/firewall.md README.md LICENSE $(DESTDIR)$(docdir)
	for u in $(UNITS); do $(SUBST) systemd/$$u.in >$(DESTDIR)$(unitdir)/$$u && chmod 644 $(DESTDIR)$(unitdir)/$$u || exit 1; done
	install -m 644 systemd/ntp.sysusers $(DESTDIR)$(sysusersdir)/ntp.conf
	install -m 644 systemd/ntp.tmpfiles $(DESTDIR)$(tmpfilesdir)/ntp.conf
	install -m 644 systemd/60-ntpd.list $(DESTDIR)$(ntpunitsdir)
	install -m 644 man/*.1 $(DESTDIR)$(mandir)/man1
	install -m 644 man/*.5 $(DESTDIR)$(mandir)/man5
	install -m 644 man/*.8 $(DESTDIR)$(mandir)/man8
	install -d $(DESTDIR)$(bashcompdir) $(DESTDIR)$(zshcompdir)
	install -m 644 conf/completion/ntpq.bash $(DESTDIR)$(bashcompdir)/ntpq
	install -m 644 conf/completion/_ntpq $(DESTDIR)$(zshcompdir)/_ntpq
	install -d $(DESTDIR)$(sysconfdir)/apparmor.d
	install -m 644 conf/apparmor/usr.sbin.ntpd $(DESTDIR)$(sysconfdir)/apparmor.d
	@# On the running system (no DESTDIR): the user, its directories, and systemd's knowledge of the units.
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then \
		systemd-sysusers ntp.conf && systemd-tmpfiles --create ntp.conf && systemctl daemon-reload; \
	fi

uninstall:
	cd $(DESTDIR)$(sbindir) && rm -f ntpd ntpwait ntpkeygen
	cd $(DESTDIR)$(bindir) && rm -f ntpq ntpstat
	cd $(DESTDIR)$(unitdir) && rm -f $(UNITS)
	rm -f $(DESTDIR)$(sysusersdir)/ntp.conf $(DESTDIR)$(tmpfilesdir)/ntp.conf $(DESTDIR)$(ntpunitsdir)/60-ntpd.list
	rm -f $(DESTDIR)$(sysconfdir)/apparmor.d/usr.sbin.ntpd
	rm -f $(DESTDIR)$(bashcompdir)/ntpq $(DESTDIR)$(zshcompdir)/_ntpq
	rm -rf $(DESTDIR)$(docdir)
	for m in man/*.[1-9]; do rm -f $(DESTDIR)$(mandir)/man$${m##*.}/$${m##*/}; done

# --- running and dependencies ------------------------------------------------------------------
RUN_FLAGS =
run: deps
	@$(MAKE) --no-print-directory all
	$B/ntpd -n -l stderr -c conf/ntp.conf $(RUN_FLAGS)

deps:
	@missing=; for p in $(DEPS); do \
		dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "Installing:$$missing"; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	fi

# What was fetched for the tests (peers, emulated machines) stays; distclean takes it too.
clean:
	-find $B -mindepth 1 -maxdepth 1 ! -name vm ! -name peers -exec rm -rf {} +

distclean:
	rm -rf $B

-include $(OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(SIM_OBJ:.o=.d) $(UNIT_SRC:%.c=$B/%.d) $(wildcard $B/src/*/*.d $B/tests/man/*.d)
