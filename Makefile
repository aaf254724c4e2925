# The front door. Every target installs what it needs and says what it does.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BUILD := build
JOBS ?= $(shell nproc)
DEFINITION ?= images/debian
OUT ?= out

# Long or optional cases have the label "slow"; `make bench` and `make slow` run them.
CTEST := ctest --test-dir $(BUILD) --output-on-failure --no-tests=error

.PHONY: help deps build demo check slow bench lint asan tsan fuzz format docs clean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

deps:  ## Install the Debian packages that building, testing and running need
	@cmake/install-packages.sh debian-packages.txt

build: deps  ## Build the CLI (build/inro), the guest binaries and the tests
	@echo "== configure and build (release) =="
	@cmake --preset release >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }
	@mv $(BUILD)-configure.log $(BUILD)/configure.log
	@cmake --build $(BUILD) -j $(JOBS)

demo: build  ## Build image and initrd of images/debian, boot both, print the measured table
	@$(BUILD)/inro compare $(DEFINITION) --out $(OUT)

# Guests boot in real time, without KVM several times slower than on hardware: a test that fails is
# run once more. Both runs are shown, and the last line names the tests that needed it.
check: build fuzz  ## Run all tests: unit, golden, lint, reproducible, boot, interop, short fuzz
	@echo "== tests =="
	@$(CTEST) -LE 'slow|bench' -j 2 --repeat until-pass:2
	@awk '/ Testing: / {test = $$NF} /^Test Failed/ {again = again "\n  " test} \
	  END {if (again) print "passed only when run once more:" again}' \
	  $(BUILD)/Testing/Temporary/LastTest.log

slow: build  ## Run the long cases that `make check` leaves out
	@$(CTEST) -L slow

bench: build  ## Print measurements side by side; asserts nothing
	@$(CTEST) -L bench -V

lint: build  ## House rules, format, clang-tidy
	@$(CTEST) -L lint
	@cmake/run-clang-tidy.sh $(BUILD)

asan: deps  ## Unit tests under AddressSanitizer and UBSan
	@cmake --preset asan >/dev/null && cmake --build build-asan -j $(JOBS)
	@UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  ctest --test-dir build-asan --output-on-failure -L unit -LE slow -j $(JOBS)

tsan: deps  ## Unit tests under ThreadSanitizer
	@cmake --preset tsan >/dev/null && cmake --build build-tsan -j $(JOBS)
	@ctest --test-dir build-tsan --output-on-failure -L unit -LE slow -j $(JOBS)

fuzz: deps  ## Build the fuzz targets (clang); `make check` runs each for a few seconds
	@echo "== build the fuzz targets =="
	@cmake --preset fuzz >/dev/null && cmake --build build-fuzz --target fuzzers -j $(JOBS)

format:  ## Format the sources in place
	@git ls-files '*.h' '*.cc' | xargs clang-format-22 -i

clean:  ## Remove build folders (caches in ~/.cache/inro stay)
	@rm -rf build build-* $(OUT)
