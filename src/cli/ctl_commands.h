/* ctl_commands.h -- the commands, each defined in the file of its name. */
#ifndef QUORUM_CLI_CTL_COMMANDS_H
#define QUORUM_CLI_CTL_COMMANDS_H

#include "cli/ctl_options.h"

/* Of a running cluster. */
extern const struct ctl_command ctl_command_ping;
extern const struct ctl_command ctl_command_status;
extern const struct ctl_command ctl_command_members;  /* ctl_members.c */
extern const struct ctl_command ctl_command_add;      /* ctl_members.c */
extern const struct ctl_command ctl_command_remove;   /* ctl_members.c */
extern const struct ctl_command ctl_command_promote;  /* ctl_members.c */
extern const struct ctl_command ctl_command_transfer; /* ctl_members.c */
extern const struct ctl_command ctl_command_backup;

/* Of files. */
extern const struct ctl_command ctl_command_restore;
extern const struct ctl_command ctl_command_recover;
extern const struct ctl_command ctl_command_verify;
extern const struct ctl_command ctl_command_log;

#endif
