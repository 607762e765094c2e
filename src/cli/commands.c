#include "cli/command.h"

#include "app/version.h"

#include "base/banned.h"

extern const gs_command gs_command_help;

const gs_command *const gs_commands[] = {
	&gs_command_help,
	NULL,
};

gs_manual gs_cli_manual(void)
{
	enum { N = sizeof(gs_commands) / sizeof(*gs_commands) };
	static const gs_op *rows[N];

	for (unsigned i = 0; i + 1 < N; i++)
		rows[i] = gs_commands[i]->op;
	return (gs_manual){ .version = gs_version(), .commands = rows, .ops = gs_ops };
}
