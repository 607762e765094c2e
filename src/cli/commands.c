#include "cli/command.h"

#include "app/version.h"

#include "base/banned.h"

/* One line for each src/cli/<name>.c that is a command, in the order of the help. */
#define COMMANDS(X) \
	X(record)   \
	X(snapshot) \
	X(ui)       \
	X(pprof)    \
	X(help)

#define X(name) extern const gs_command gs_command_##name;
COMMANDS(X)
#undef X

const gs_command *const gs_commands[] = {
#define X(name) &gs_command_##name,
	COMMANDS(X)
#undef X
	NULL,
};

gs_manual gs_cli_manual(void)
{
	static const gs_op *rows[sizeof(gs_commands) / sizeof(*gs_commands)];

	for (unsigned i = 0; gs_commands[i]; i++)
		rows[i] = gs_commands[i]->op;
	return (gs_manual){ .version = gs_version(), .commands = rows, .ops = gs_ops, .chapters = gs_op_chapters };
}
