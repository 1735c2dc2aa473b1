# Quorum.  `make help` lists the targets.  MODE picks the build: release, debug, asan, tsan, sim;
# each has a tree of its own under build/, so they never mix.
MODE   ?= release
BUILD  := build/$(MODE)
CC     ?= cc

# The layers, lowest first (tests/tidy checks who may include whom).
PURE   := base raft kv wire command replica
DIRS   := $(PURE) storage net server
LAYERS_base    := base
LAYERS_raft    := raft base
LAYERS_kv      := kv base
LAYERS_wire    := wire raft base
LAYERS_command := command kv $(LAYERS_wire)
LAYERS_replica := replica $(LAYERS_command)
LAYERS_storage := storage raft base
LAYERS_net     := net $(LAYERS_replica)
LAYERS_server  := server net storage $(LAYERS_replica)
LAYERS_cli     := cli storage $(LAYERS_wire)
LDLIBS_cli     := -lhiredis
LAYERS_linear  := base
# What the tests of a directory need besides: a cluster of replicas in one thread.
WITH_replica   := $(wildcard tests/sim/lab*.c) tests/sim/sim_client.c

FLAGS_release := -O2
FLAGS_debug   := -O0 -DQUORUM_DEBUG
FLAGS_sim     := -O2 -DQUORUM_DEBUG
FLAGS_asan    := -O1 -DQUORUM_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_fuzz    := $(FLAGS_asan) -fsanitize=fuzzer-no-link -Wno-string-conversion \
                 -Wno-string-concatenation
FLAGS_coverage := -O0 -DQUORUM_DEBUG --coverage
FLAGS_tsan    := -O1 -DQUORUM_DEBUG -fsanitize=thread
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wswitch-enum -Wvla -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings -Werror
CPPFLAGS += -D_GNU_SOURCE -Isrc -Itests
CFLAGS   += -std=c11 -g -fno-omit-frame-pointer $(WARN) $(FLAGS_$(MODE))
# libxxhash is used from its header alone and needs no linking.
LDLIBS := -levent_core -levent_extra -lsqlite3 -ljansson -lpthread -lm

objects   = $(patsubst %.c,$(BUILD)/%.o,$(1))
archives  = $(patsubst %,$(BUILD)/lib%.a,$(1))
UNIT_DIRS := $(notdir $(wildcard tests/unit/*))

.DEFAULT_GOAL := all
.PHONY: all deps unit test test-integration test-redis test-compose sim sim-storage fuzz \
        fuzz-replay coverage chaos bench bench-quick bench-snapshots tidy check-format format \
        cluster demo clean help FORCE

all: bin/quorum bin/quorumctl            ## build bin/quorum and bin/quorumctl

deps: build/deps.stamp
build/deps.stamp: deps/install.sh deps/packages.txt
	@mkdir -p build
	deps/install.sh build
	@touch $@

# Compared, not dated: after a build in another MODE the older tree may hold what is wanted.
bin/%: $(BUILD)/% FORCE
	@mkdir -p bin
	@cmp -s $< $@ || { cp -f $< $@.new && mv -f $@.new $@; }

$(BUILD)/quorum: $(BUILD)/src/server/main.o $(call archives,$(LAYERS_server))
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/quorumctl: $(BUILD)/src/cli/main.o $(call archives,$(LAYERS_cli))
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ $(LDLIBS) $(LDLIBS_cli) -o $@

# One unit test binary a directory, linked against the layers below it and nothing else.
.SECONDEXPANSION:
$(BUILD)/unit-%: $$(call objects,$$(wildcard tests/unit/$$*/*.c tests/lib/unit*.c) \
                   $$(filter-out tests/$$*/main.c,$$(wildcard tests/$$*/*.c)) $$(WITH_$$*)) \
                 $$(call archives,$$(LAYERS_$$*))
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ $(LDLIBS) $(LDLIBS_$*) -lcunit -o $@
unit: $(UNIT_DIRS:%=unit-%)              ## unit and paper tests, all directories
unit-%: $(BUILD)/unit-%
	$<

# Judges histories that tests have written down.
$(BUILD)/linear: $(call objects,$(wildcard tests/linear/*.c)) $(call archives,base)
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ -lm -o $@

# Whole clusters in one thread: with every check of the core, and fast unless another MODE is asked
# for.
SIM_MODE := $(if $(filter release,$(MODE)),sim,$(MODE))
SIM      := $(wildcard tests/sim/lab*.c) $(wildcard tests/sim/sim_*.c) \
            $(filter-out %/main.c,$(wildcard tests/linear/*.c))
$(BUILD)/simulator: $(call objects,$(SIM)) $(call archives,$(LAYERS_replica))
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ -lm -o $@
sim:                                     ## simulated clusters: SEED=n, or SEEDS=n [SEED=base] [JOBS=n]
	@$(MAKE) --no-print-directory MODE=$(SIM_MODE) BUILD=$(dir $(BUILD))$(SIM_MODE) \
	    $(dir $(BUILD))$(SIM_MODE)/simulator
	@COMMIT=$$(git describe --always --dirty 2>/dev/null) SEED=$(SEED) SEEDS=$(SEEDS) \
	    JOBS=$(JOBS) HISTORY=$(HISTORY) $(dir $(BUILD))$(SIM_MODE)/simulator

# Fuzz targets, one a file tests/fuzz/fuzz_NAME.c: replayed on their corpora with any compiler, and
# searching with clang's libFuzzer (MODE=fuzz).
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_DRIVER  := $(if $(filter fuzz,$(MODE)),,tests/fuzz/replay.c)
WITH_fuzz_raft := $(addprefix tests/unit/raft/,cluster.c cluster_disk.c oracle.c)
$(BUILD)/fuzz-%: $$(call objects,tests/fuzz/fuzz_$$*.c $$(WITH_fuzz_$$*) tests/fuzz/fuzz.c \
                   $(FUZZ_DRIVER)) $(call archives,$(LAYERS_server))
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $(if $(FUZZ_DRIVER),,-fsanitize=fuzzer) $^ $(LDLIBS) -o $@
fuzz-replay: $(FUZZ_TARGETS:%=$(BUILD)/fuzz-%)    ## every fuzz target on its corpus
	@tests/fuzz/replay_all.sh $(BUILD) $(FUZZ_TARGETS)
COVERED := raft wire kv replica
coverage:                                ## lines of the pure layers that unit tests reach
	@deps/install.sh build test coverage
	@$(MAKE) --no-print-directory MODE=coverage $(COVERED:%=build/coverage/unit-%)
	@tests/coverage.sh build/coverage $(COVERED)
TARGET  ?= resp
SECONDS ?= 60
fuzz:                                    ## search: TARGET=resp SECONDS=60 (needs clang-14)
	@deps/install.sh build fuzz
	@$(MAKE) --no-print-directory CC=clang-14 MODE=fuzz build/fuzz/fuzz-$(TARGET)
	@mkdir -p build/fuzz/found/$(TARGET)
	build/fuzz/fuzz-$(TARGET) -max_total_time=$(SECONDS) -rss_limit_mb=2048 -malloc_limit_mb=256 \
	    -timeout=20 -artifact_prefix=build/fuzz/found/$(TARGET)- \
	    build/fuzz/found/$(TARGET) tests/fuzz/corpus/$(TARGET)

# The tests with real processes, and what steps the wall clock of a node they start.
HARNESS := $(filter-out tests/lib/unit% %_preload.c,$(wildcard tests/lib/*.c))
$(BUILD)/integration: $(call objects,$(wildcard tests/integration/*.c) $(HARNESS)) \
                      | $(BUILD)/wall_clock_preload.so $(BUILD)/slow_disk_preload.so
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ -lhiredis -lsqlite3 -lpthread -o $@
$(BUILD)/bench: $(call objects,$(filter-out %/bare_http.c,$(wildcard tests/bench/*.c)) $(HARNESS) \
                tests/integration/membership.c tests/integration/writers.c)
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ -lhiredis -lpthread -o $@
# Campaigns of faults, judged by the checker.
CHAOS := $(wildcard tests/chaos/*.c) $(filter-out %/main.c,$(wildcard tests/linear/*.c)) $(HARNESS)
$(BUILD)/chaos: $(call objects,$(CHAOS)) $(call archives,base) | $(BUILD)/wall_clock_preload.so
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ -lhiredis -lsqlite3 -ljansson -lpthread -lm -o $@
chaos: $(BUILD)/quorum $(BUILD)/chaos    ## faults against real nodes: RUNS=1 SECONDS=20 SEED=
	$(BUILD)/chaos $(BUILD)/quorum
$(BUILD)/bare-http: $(BUILD)/tests/bench/bare_http.o
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $^ -levent_core -levent_extra -o $@
# The storage code on a simulated disk: its own file calls and waits are wrapped by the linker.
SIM_WRAPPED := open close read write pread pwrite fsync ftruncate posix_fallocate rename unlink \
               unlinkat mkdir access stat lstat statvfs opendir readdir closedir dirfd _exit \
               clock_gettime pthread_create pthread_join pthread_cond_wait pthread_cond_timedwait \
               pthread_cond_signal pthread_cond_broadcast pthread_cond_destroy
$(BUILD)/sim-storage: $(call objects,$(wildcard tests/sim/simvfs*.c tests/sim/storage_*.c)) \
                      $(call archives,$(LAYERS_storage))
	@echo "  link  $@"
	@$(CC) $(CFLAGS) $(SIM_WRAPPED:%=-Wl,--wrap=%) $^ $(LDLIBS) -o $@
$(BUILD)/%_preload.so: tests/lib/%_preload.c | build/deps.stamp
	@mkdir -p $(@D)
	@echo "  link  $@"
	@$(CC) -D_GNU_SOURCE -std=c11 -O1 $(WARN) -shared -fPIC $< -o $@

$(BUILD)/lib%.a: $$(filter-out %/main.o,$$(call objects,$$(wildcard src/$$*/*.c)))
	@rm -f $@
	@ar rcs $@ $^
$(BUILD)/%.o: %.c | build/deps.stamp
	@mkdir -p $(@D)
	@echo "  cc    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
.PRECIOUS: $(BUILD)/%.o $(BUILD)/lib%.a $(BUILD)/unit-%

test:                                    ## everything CI runs; ends in one line with the counts
	@deps/install.sh build test
	@MAKEFLAGS= tests/run_all.sh
test-integration: $(BUILD)/quorum $(BUILD)/quorumctl $(BUILD)/integration    ## real processes: kill, stop, restart
	$(BUILD)/integration $(BUILD)/quorum
test-redis: $(BUILD)/quorum              ## replies compared with a real redis-server
	redis-tests/run.sh $(BUILD)
sim-storage: $(BUILD)/sim-storage        ## storage on a faulty simulated disk; SEED= SEEDS= EXHAUSTIVE=
	$(BUILD)/sim-storage --seed $(or $(SEED),1) --seeds $(or $(SEEDS),1000) \
	    --exhaustive $(or $(EXHAUSTIVE),0) $(SIM_FLAGS)
test-compose:                            ## docker-compose.yml on a real engine, if there is one
	tests/compose/run.sh
bench: $(BUILD)/quorum $(BUILD)/bench $(BUILD)/bare-http   ## beside Redis and etcd: about 25 minutes
	@deps/install.sh build test bench
	@tests/bench/run.py $(BUILD) build/bench
bench-quick: $(BUILD)/quorum $(BUILD)/bench $(BUILD)/bare-http   ## its main table, in under 3 minutes
	@deps/install.sh build test bench
	@tests/bench/run.py $(BUILD) build/bench --quick
bench-snapshots: $(BUILD)/quorum $(BUILD)/bench   ## what snapshots and changes cost
	$(BUILD)/bench snapshots $(BUILD)/quorum
tidy: $(call archives,$(PURE))           ## layers, purity, sizes
	tests/tidy/tidy.sh $(BUILD)

cluster: all                             ## run three local nodes in the foreground; Ctrl-C stops all
	@conf/local-cluster.sh bin/quorum
demo: all                                ## three nodes: write, read, kill the leader, read on, stop
	@deps/install.sh build test
	@tests/demo/demo.sh bin

check-format:                            ## fail if clang-format would change anything
	@tests/tidy/format.sh
format:                                  ## let clang-format lay out every file
	clang-format-14 -i $$(git ls-files -co --exclude-standard '*.[ch]')
clean:                                   ## remove everything that was built
	rm -rf build bin
help:                                    ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
