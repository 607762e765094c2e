#include "cli/command.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static const gs_arg args[] = {
	{ "write", GS_ARG_STRING, .unit = "folder",
	  .help = "write one markdown page per command and their index into this folder" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static const gs_op help_op = {
	.name = "help",
	.summary = "how to use gospect or one of its commands",
	.help = "Without a command: the list of commands. The formats markdown, man, bash, zsh and fish print documentation and shell\n"
		"completions from the same table that runs the commands.\n"
		"\n"
		"  gospect help top\n"
		"  source <(gospect help --format bash)\n",
	.operands = "[COMMAND]",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
	.formats = "text markdown man bash zsh fish",
};

static const gs_op *find(const gs_manual *m, gs_str name)
{
	for (unsigned part = 0; part < 2; part++)
		for (const gs_op *const *op = part ? m->ops : m->commands; *op; op++)
			if (gs_str_eq(name, gs_str_of((*op)->name)))
				return *op;
	return NULL;
}

static bool write_page(gs_op_call *call, const char *folder, const char *name, gs_err *err)
{
	gs_str path = gs_strf(call->mem, "%s/%s.md", folder, name);
	bool ok = gs_file_write(path.p, gs_buf_view(call->out), err);

	call->out->n = 0;
	return ok;
}

static bool write_pages(gs_op_call *call, const gs_manual *m, const char *folder, gs_err *err)
{
	if (mkdir(folder, 0755) && access(folder, W_OK))
		return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE, "cannot write to the folder %s", folder);
	for (unsigned part = 0; part < 2; part++)
		for (const gs_op *const *op = part ? m->ops : m->commands; *op; op++) {
			gs_help_markdown(call->out, *op);
			if (!write_page(call, folder, (*op)->name, err))
				return false;
		}
	gs_help_markdown_index(call->out, m);
	return write_page(call, folder, "README", err);
}

static int run(gs_op_call *call, gs_err *err)
{
	gs_manual m = gs_cli_manual();
	const gs_op *op = NULL;

	if (gs_call_is_set(call, "write"))
		return write_pages(call, &m, gs_cstr(call->mem, gs_call_str(call, "write")), err) ?
			       0 :
			       gs_err_exit_status(err);
	if (call->n_paths) {
		op = find(&m, call->paths[0]);
		if (!op) {
			gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no command \"%.*s\"", GS_FMT(call->paths[0]));
			return 2;
		}
	}
	if (strcmp(call->format, "text") == 0 && op)
		gs_help_op(call->out, op, call->width ? call->width : 100, call->use_color);
	else if (strcmp(call->format, "text") == 0)
		gs_help_overview(call->out, &m);
	else if (strcmp(call->format, "markdown") == 0 && op)
		gs_help_markdown(call->out, op);
	else if (strcmp(call->format, "markdown") == 0)
		gs_help_markdown_index(call->out, &m);
	else if (strcmp(call->format, "man") == 0)
		gs_help_man(call->out, &m);
	else if (strcmp(call->format, "bash") == 0)
		gs_complete_bash(call->out, &m);
	else if (strcmp(call->format, "zsh") == 0)
		gs_complete_zsh(call->out, &m);
	else
		gs_complete_fish(call->out, &m);
	return 0;
}

extern const gs_command gs_command_help;
const gs_command gs_command_help = { .op = &help_op, .run = run };
