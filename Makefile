# SPDX-License-Identifier: GPL-2.0-or-later
# What a person types; meson does the work.
#
#   make            build/lanyard and build/lanyardd
#   make demo       see a guest get an address and fetch a page through the NAT
#   make demo-lan   see a laptop, a phone and an office's LAN become one segment through a relay
#   make check      every test there is; ends with "N passed, N failed, N skipped"
#   make bench      side by side with the kernel's NAT and bridge, slirp4netns and pasta; vhost-user
#                   beside TAPs and sockets
#
# More: bench-short (a few minutes of bench), soak (the long tests), install.
PREFIX ?= /usr/local
DESTDIR ?=
PYTHON = /usr/bin/python3
guest = tools/setup guest || echo "make: no virtual machines here: tests/guest will be skipped"

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@tools/setup build
	meson setup build --buildtype=release --prefix=$(PREFIX)

demo:
	@tools/setup demo
	@$(MAKE) --no-print-directory all
	@tools/demo

demo-lan:
	@tools/setup demo
	@$(MAKE) --no-print-directory all
	@tools/demo-lan

check:
	@tools/setup test
	@$(guest)
	@$(PYTHON) tools/check

soak:
	@tools/setup test
	@$(guest)
	@$(PYTHON) tools/check --soak

bench:
	@tools/setup bench
	@$(MAKE) --no-print-directory all
	@$(PYTHON) bench/bench.py
	@bench/vhost_bench.sh build
	@bench/testpmd_bench.sh build

bench-short:
	@tools/setup bench
	@$(MAKE) --no-print-directory all
	@$(PYTHON) bench/bench.py --short

install: all
	@meson configure build --prefix=$(PREFIX)
	DESTDIR=$(abspath $(DESTDIR)) meson install -C build

clean:
	rm -rf build build-asan build-fuzz

.PHONY: all demo demo-lan check soak bench bench-short install clean
