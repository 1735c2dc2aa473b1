/* command_handlers.h -- the handlers that the command table names; private to this directory.
 *
 * Each runs the command of its name (Redis 7.0's documentation says what it does) and appends
 * exactly one reply.
 */
#ifndef QUORUM_COMMAND_COMMAND_HANDLERS_H
#define QUORUM_COMMAND_COMMAND_HANDLERS_H

#include "command/command.h"

command_handler handle_append;
command_handler handle_help;
command_handler handle_command;
command_handler handle_command_count;
command_handler handle_command_docs;
command_handler handle_command_getkeys;
command_handler handle_command_getkeysandflags;
command_handler handle_command_info;
command_handler handle_command_list;
command_handler handle_copy;
command_handler handle_dbsize;
command_handler handle_decr;
command_handler handle_decrby;
command_handler handle_del;
command_handler handle_echo;
command_handler handle_exists;
command_handler handle_expire;
command_handler handle_expireat;
command_handler handle_expiretime;
command_handler handle_flushall;
command_handler handle_flushdb;
command_handler handle_get;
command_handler handle_getdel;
command_handler handle_getex;
command_handler handle_getrange;
command_handler handle_getset;
command_handler handle_incr;
command_handler handle_incrby;
command_handler handle_incrbyfloat;
command_handler handle_keys;
command_handler handle_lcs;
command_handler handle_mget;
command_handler handle_move;
command_handler handle_mset;
command_handler handle_msetnx;
command_handler handle_object_encoding;
command_handler handle_object_freq;
command_handler handle_object_idletime;
command_handler handle_object_refcount;
command_handler handle_persist;
command_handler handle_pexpire;
command_handler handle_pexpireat;
command_handler handle_pexpiretime;
command_handler handle_psetex;
command_handler handle_pttl;
command_handler handle_randomkey;
command_handler handle_rename;
command_handler handle_renamenx;
command_handler handle_scan;
command_handler handle_set;
command_handler handle_setex;
command_handler handle_setnx;
command_handler handle_setrange;
command_handler handle_strlen;
command_handler handle_swapdb;
command_handler handle_touch;
command_handler handle_ttl;
command_handler handle_type;

#endif
