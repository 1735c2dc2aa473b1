/* command_secret.c -- which arguments are passwords, and shown to nobody. */
#include "command/command_secret.h"

bool command_argument_is_secret(const struct command *command, const struct slice *arguments,
                                uint32_t i)
{
    enum { HELLO_OPTIONS = 2 }; /* the first argument that can be an option */
    if (command->id == COMMAND_AUTH) {
        return i > 0;
    }
    if (command->id == COMMAND_CONFIG_SET) {
        return i > 2 && i % 2 == 1 && slice_is_word(arguments[i - 1], "requirepass");
    }
    if (command->id != COMMAND_HELLO) {
        return false;
    }
    return (i > HELLO_OPTIONS && slice_is_word(arguments[i - 1], "auth")) ||
           (i > HELLO_OPTIONS + 1 && slice_is_word(arguments[i - 2], "auth"));
}
