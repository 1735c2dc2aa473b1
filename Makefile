# Quorum.  `make help` lists the targets.  MODE picks the build: release, debug, asan, tsan, sim,
# coverage, fuzz; each has a tree of its own under build/, so they never mix.
MODE   ?= release
BUILD  := build/$(MODE)
CC     ?= cc

# The layers, lowest first (tests/tidy checks who may include whom).
PURE   := base raft kv wire command replica
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

FLAGS_release  := -O2
FLAGS_debug    := -O0 -DQUORUM_DEBUG
FLAGS_sim      := -O2 -DQUORUM_DEBUG
FLAGS_asan     := -O1 -DQUORUM_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan     := -O1 -DQUORUM_DEBUG -fsanitize=thread
FLAGS_coverage := -O0 -DQUORUM_DEBUG --coverage
FLAGS_fuzz     := $(FLAGS_asan) -fsanitize=fuzzer-no-link -Wno-string-conversion \
                  -Wno-string-concatenation
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wswitch-enum -Wvla -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings -Werror
CPPFLAGS += -D_GNU_SOURCE -Isrc -Itests
CFLAGS   += -std=c11 -g -fno-omit-frame-pointer $(WARN) $(FLAGS_$(MODE))
# libxxhash is used from its header alone and needs no linking.
LDLIBS     := -levent_core -levent_extra -lsqlite3 -ljansson -lpthread -lm
LDLIBS_cli := -lhiredis

objects   = $(patsubst %.c,$(BUILD)/%.o,$(1))
archives  = $(patsubst %,$(BUILD)/lib%.a,$(1))
# Links a target from its prerequisites with further libraries: $(call link,LIBRARIES).
link      = @echo "  link  $@"; $(CC) $(CFLAGS) $^ $(1) -o $@

.DEFAULT_GOAL := all
.PHONY: all deps cluster demo clean help FORCE

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
	$(call link,$(LDLIBS))
$(BUILD)/quorumctl: $(BUILD)/src/cli/main.o $(call archives,$(LAYERS_cli))
	$(call link,$(LDLIBS) $(LDLIBS_cli))

.SECONDEXPANSION:
$(BUILD)/lib%.a: $$(filter-out %/main.o,$$(call objects,$$(wildcard src/$$*/*.c)))
	@rm -f $@
	@ar rcs $@ $^
$(BUILD)/%.o: %.c | build/deps.stamp
	@mkdir -p $(@D)
	@echo "  cc    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
.PRECIOUS: $(BUILD)/%.o $(BUILD)/lib%.a

# Not in an image that only builds (conf/Dockerfile).
-include tests/tests.mk

cluster: all                             ## run three local nodes in the foreground; Ctrl-C stops all
	@conf/local-cluster.sh bin/quorum
demo: all                                ## three nodes: write, read, kill the leader, read on, stop
	@deps/install.sh build test
	@tests/demo/demo.sh bin
clean:                                   ## remove everything that was built
	rm -rf build bin
help:                                    ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile tests/tests.mk | expand -t 24

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
