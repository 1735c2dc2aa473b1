# tests.mk -- everything about tests, searches, benchmarks and checks; the root Makefile includes it.

.PHONY: test unit test-integration test-redis test-redis-suite side-by-side test-compose sim sim-storage mutants chaos fuzz \
        fuzz-replay coverage bench bench-quick bench-snapshots tidy check-format format

test:                                    ## everything CI runs; ends in one line with the counts
	@deps/install.sh build test
	@MAKEFLAGS= tests/run_all.sh

# ---- Unit tests: one binary a directory, linked against the layers below it and nothing else ----

UNIT_DIRS     := $(notdir $(wildcard tests/unit/*))
LAYERS_linear := base
# What the tests of a directory need besides: a cluster of replicas in one thread.
WITH_replica  := $(wildcard tests/sim/lab*.c) tests/sim/sim_client.c
$(BUILD)/unit-%: $$(call objects,$$(wildcard tests/unit/$$*/*.c tests/lib/unit*.c) \
                   $$(filter-out tests/$$*/main.c,$$(wildcard tests/$$*/*.c)) $$(WITH_$$*)) \
                 $$(call archives,$$(LAYERS_$$*))
	$(call link,$(LDLIBS) $(LDLIBS_$*) -lcunit)
unit: $(UNIT_DIRS:%=unit-%)              ## unit and paper tests, all directories
unit-%: $(BUILD)/unit-%                  ## those of one directory: TESTS="suite suite.name ..."
	$< $(TESTS)
.PRECIOUS: $(BUILD)/unit-%

COVERED := raft wire kv replica
coverage:                                ## lines of the pure layers that unit tests reach
	@deps/install.sh build test coverage
	@$(MAKE) --no-print-directory MODE=coverage $(COVERED:%=build/coverage/unit-%)
	@tests/coverage.sh build/coverage $(COVERED)

# ---- Simulators ----

# Whole clusters in one thread: with every check of the core, and fast unless another MODE is asked
# for.
CHECKER  := $(filter-out %/main.c,$(wildcard tests/linear/*.c))
SIM_MODE := $(if $(filter release,$(MODE)),sim,$(MODE))
$(BUILD)/simulator: $(call objects,$(wildcard tests/sim/lab*.c tests/sim/sim_*.c) $(CHECKER)) \
                    $(call archives,$(LAYERS_replica))
	$(call link,-lm)
sim:                                     ## simulated clusters: SEED=n, or SEEDS=n [SEED=base] [JOBS=n]
	@$(MAKE) --no-print-directory MODE=$(SIM_MODE) BUILD=$(dir $(BUILD))$(SIM_MODE) \
	    $(dir $(BUILD))$(SIM_MODE)/simulator
	@COMMIT=$$(git describe --always --dirty 2>/dev/null) SEED=$(SEED) SEEDS=$(SEEDS) \
	    JOBS=$(JOBS) HISTORY=$(HISTORY) $(dir $(BUILD))$(SIM_MODE)/simulator

# The storage code on a simulated disk: its own file calls and waits are wrapped by the linker.
comma := ,
SIM_WRAPPED := open close read write pread pwrite fsync ftruncate posix_fallocate rename unlink \
               unlinkat mkdir access stat lstat statvfs opendir readdir closedir dirfd _exit \
               clock_gettime pthread_create pthread_join pthread_cond_wait pthread_cond_timedwait \
               pthread_cond_signal pthread_cond_broadcast pthread_cond_destroy
$(BUILD)/sim-storage: $(call objects,$(wildcard tests/sim/simvfs*.c tests/sim/storage_*.c)) \
                      $(call archives,$(LAYERS_storage))
	$(call link,$(SIM_WRAPPED:%=-Wl$(comma)--wrap=%) $(LDLIBS))
sim-storage: $(BUILD)/sim-storage        ## storage on a faulty simulated disk: SEED= SEEDS= EXHAUSTIVE=
	$(BUILD)/sim-storage --seed $(or $(SEED),1) --seeds $(or $(SEEDS),1000) \
	    --exhaustive $(or $(EXHAUSTIVE),0) $(SIM_FLAGS)

mutants: build/deps.stamp                ## known bugs put in, one by one: tests must notice; ONLY=name
	@deps/install.sh build test
	@MAKEFLAGS= tests/mutants/run.py $(if $(ONLY),--only $(ONLY))

# ---- Fuzz targets: replayed with any compiler, searching with clang's libFuzzer (MODE=fuzz) ----

FUZZ_TARGETS   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_DRIVER    := $(if $(filter fuzz,$(MODE)),,tests/fuzz/replay.c)
WITH_fuzz_exec := $(wildcard tests/sim/lab*.c)
WITH_fuzz_raft := $(addprefix tests/unit/raft/,cluster.c cluster_disk.c oracle.c)
TARGET         ?= resp
SECONDS        ?= 60
$(BUILD)/fuzz-%: $$(call objects,tests/fuzz/fuzz_$$*.c $$(WITH_fuzz_$$*) tests/fuzz/fuzz.c \
                   $(FUZZ_DRIVER)) $(call archives,$(LAYERS_server))
	$(call link,$(if $(FUZZ_DRIVER),,-fsanitize=fuzzer) $(LDLIBS))
fuzz-replay: $(FUZZ_TARGETS:%=$(BUILD)/fuzz-%)    ## every fuzz target on its corpus
	@tests/fuzz/replay_all.sh $(BUILD) $(FUZZ_TARGETS)
fuzz:                                    ## search: TARGET=resp SECONDS=60 (needs clang-14)
	@deps/install.sh build fuzz
	@$(MAKE) --no-print-directory CC=clang-14 MODE=fuzz build/fuzz/fuzz-$(TARGET)
	@mkdir -p build/fuzz/found/$(TARGET)
	build/fuzz/fuzz-$(TARGET) -max_total_time=$(SECONDS) -rss_limit_mb=2048 -malloc_limit_mb=256 \
	    -timeout=20 -artifact_prefix=build/fuzz/found/$(TARGET)- \
	    build/fuzz/found/$(TARGET) tests/fuzz/corpus/$(TARGET)

# ---- Real processes ----

HARNESS := $(filter-out tests/lib/unit% %_preload.c,$(wildcard tests/lib/*.c))
# Loaded before libc into nodes that tests start.
$(BUILD)/%_preload.so: tests/lib/%_preload.c | build/deps.stamp
	@mkdir -p $(@D)
	@echo "  link  $@"
	@$(CC) -D_GNU_SOURCE -std=c11 -O1 $(WARN) -shared -fPIC $< -o $@
$(BUILD)/integration: $(call objects,$(wildcard tests/integration/*.c) $(HARNESS)) \
                      | $(BUILD)/wall_clock_preload.so $(BUILD)/slow_disk_preload.so
	$(call link,-lhiredis -lsqlite3 -lpthread)
test-integration: $(BUILD)/quorum $(BUILD)/quorumctl $(BUILD)/integration    ## kill, stop, restart, grow
	$(BUILD)/integration $(BUILD)/quorum
test-redis: $(BUILD)/quorum              ## replies compared with a real redis-server
	redis-tests/run.sh $(BUILD)
side-by-side: $(BUILD)/quorum            ## random commands beside redis-server: COMMANDS=100000 SEED=1
	@deps/install.sh build test
	COUNT=$$(($(or $(COMMANDS),100000) / 4)) SEED=$(or $(SEED),1) redis-tests/run.sh $(BUILD) side-by-side
test-redis-suite: $(BUILD)/quorum        ## Redis's own suite: TARGETS=one,leader,follower UNITS=
	@deps/install.sh suite
	redis-tests/suite/fetch.sh build/redis-suite
	redis-tests/suite/suite.py $(BUILD) build/redis-suite $(if $(TARGETS),--targets $(TARGETS)) \
	    $(if $(UNITS),--units $(UNITS))
test-compose:                            ## docker-compose.yml on a real engine, if there is one
	tests/compose/run.sh

# Campaigns of faults, judged by the checker; and the checker by itself, for histories in files.
$(BUILD)/chaos: $(call objects,$(wildcard tests/chaos/*.c) $(CHECKER) $(HARNESS)) \
                $(call archives,base) | $(BUILD)/wall_clock_preload.so
	$(call link,-lhiredis -lsqlite3 -ljansson -lpthread -lm)
chaos: $(BUILD)/quorum $(BUILD)/chaos    ## faults against real nodes: RUNS=1 SECONDS=20 SEED=
	$(BUILD)/chaos $(BUILD)/quorum
$(BUILD)/linear: $(call objects,$(wildcard tests/linear/*.c)) $(call archives,base)
	$(call link,-lm)

# ---- Benchmarks ----

$(BUILD)/bench: $(call objects,$(filter-out %/bare_http.c,$(wildcard tests/bench/*.c)) $(HARNESS) \
                tests/integration/membership.c tests/integration/writers.c)
	$(call link,-lhiredis -lpthread)
$(BUILD)/bare-http: $(BUILD)/tests/bench/bare_http.o
	$(call link,-levent_core -levent_extra)
bench: $(BUILD)/quorum $(BUILD)/bench $(BUILD)/bare-http    ## beside Redis and etcd: about 25 minutes
	@deps/install.sh build test bench
	@tests/bench/run.py $(BUILD) build/bench
bench-quick: $(BUILD)/quorum $(BUILD)/bench $(BUILD)/bare-http    ## its main table, in under 3 minutes
	@deps/install.sh build test bench
	@tests/bench/run.py $(BUILD) build/bench --quick
bench-snapshots: $(BUILD)/quorum $(BUILD)/bench    ## what snapshots and changes of members cost
	$(BUILD)/bench snapshots $(BUILD)/quorum

# ---- The sources themselves ----

tidy: $(call archives,$(PURE))           ## layers, purity, sizes
	tests/tidy/tidy.sh $(BUILD)
check-format:                            ## fail if clang-format would change anything
	@tests/tidy/format.sh
format:                                  ## let clang-format lay out every file
	clang-format-14 -i $$(git ls-files -co --exclude-standard '*.[ch]')
