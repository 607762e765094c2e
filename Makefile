# The front door. Everything installs what it needs, asks nothing and ends by itself.
#   make            build/gospect
#   make demo       a Go service with planted problems, recorded live
#   make check      every test
#   make install    PREFIX=/usr/local DESTDIR=
#   make bench      against peers, writes bench/RESULTS.md; ROWS=page,switches: these rows only, ROUNDS=3
#   make soak       snapshots of a busy server for half an hour
#   make fuzz       each format's fuzzer for FUZZ_SECONDS=60
#   make clean
BUILD  ?= build
PREFIX ?= /usr/local
MESONFLAGS ?=
FUZZ_SECONDS ?= 60
export PATH := $(CURDIR)/.cache/bin:$(PATH)
export NINJA_STATUS = [%f/%t]

.PHONY: all deps ui demo check install bench soak fuzz clean
all: deps ui $(BUILD)/build.ninja
	@meson compile -C $(BUILD)

deps:
	@tools/install-deps build

ui:
	@tools/build-ui

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(PREFIX) $(MESONFLAGS)

demo: all
	@tools/install-deps demo
	@tools/demo $(BUILD)

check:
	@tools/install-deps build check
	@tools/check

install: all
	@meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(DESTDIR))

bench: all
	@tools/install-deps bench
	@bench/run --gospect $(BUILD)/gospect $(if $(ROWS),--only $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS))

# 1,000 snapshots in a row of a busy server, gospect killed 200 times, every Go version: about half an hour.
soak: all
	@GOSPECT=$(abspath $(BUILD))/gospect python3 tests/live/test_snapshot.py --snapshots 1000 --kills 200
	@GOSPECT=$(abspath $(BUILD))/gospect python3 tests/live/test_snapshot.py --snapshots 1000 --kills 200 --signals
	@GOSPECT=$(abspath $(BUILD))/gospect GOSPECT_SNAPSHOT_ALL=1 python3 tests/live/test_snapshot_ways.py

fuzz:
	@tools/install-deps build fuzz
	@tools/fuzz $(FUZZ_SECONDS)

clean:
	rm -rf $(BUILD) build-check build-asan build-fuzz ui/dist
