#include "app/argv.h"
#include "app/help.h"

#include "base/banned.h"

/* Rows of both lists, one after the other. */
static const gs_op *row_at(const gs_manual *m, unsigned i)
{
	for (unsigned part = 0; part < 2; part++)
		for (const gs_op *const *op = part ? m->ops : m->commands; *op; op++)
			if (i-- == 0)
				return *op;
	return NULL;
}

static bool takes_files(const gs_op *op)
{
	return op->operands ? strstr(op->operands, "FILE") != NULL : op->input != GS_INPUT_NONE;
}

static bool takes_commands(const gs_op *op)
{
	return op->operands && strstr(op->operands, "COMMAND");
}

static void put_names(gs_buf *out, const gs_manual *m)
{
	const gs_op *op;

	for (unsigned i = 0; (op = row_at(m, i)); i++)
		gs_buf_f(out, " %s", op->name);
}

static const char *choices(const gs_op *op, const gs_arg *a)
{
	return a == gs_args_output.args ? op->formats : a->values;
}

static bool is_file_arg(const gs_arg *a)
{
	return a->unit && (strcmp(a->unit, "file") == 0 || strcmp(a->unit, "folder") == 0);
}

/* Text between single quotes of a shell. `extra` characters get a backslash. */
static void quoted(gs_buf *out, const char *s, const char *extra)
{
	for (; *s; s++) {
		if (*s == '\'')
			gs_buf_z(out, "'\\''");
		else if (strchr(extra, *s))
			gs_buf_f(out, "\\%c", *s);
		else
			gs_buf_c(out, *s);
	}
}

void gs_complete_bash(gs_buf *out, const gs_manual *m)
{
	const gs_op *op;
	const gs_arg_group *g;

	gs_buf_z(out, "# bash completion for gospect, printed by `gospect help --format bash`\n"
		      "_gospect()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} op=${COMP_WORDS[1]} words=\n"
		      "\tif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		      "\tif [ \"$cur\" = = ]; then cur=; fi\n"
		      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '--help --version");
	put_names(out, m);
	gs_buf_z(out, "' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase \"$op:$prev\" in\n");
	for (unsigned i = 0; (op = row_at(m, i)); i++)
		for (unsigned k = 0; (g = gs_help_group_at(op, k)); k++)
			for (const gs_arg *a = g->args; a->name; a++) {
				if (a->kind == GS_ARG_BOOL)
					continue;
				gs_buf_f(out, "\t%s:--%s", op->name, a->name);
				if (a->short_name)
					gs_buf_f(out, "|%s:-%c", op->name, a->short_name);
				if (choices(op, a))
					gs_buf_f(out, ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n",
						 choices(op, a));
				else if (is_file_arg(a))
					gs_buf_z(out, ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
				else
					gs_buf_z(out, ") return ;;\n");
			}
	gs_buf_z(out, "\tesac\n\tcase \"$op\" in\n");
	for (unsigned i = 0; (op = row_at(m, i)); i++) {
		gs_buf_f(out, "\t%s) words='--help", op->name);
		for (unsigned k = 0; (g = gs_help_group_at(op, k)); k++)
			for (const gs_arg *a = g->args; a->name; a++)
				gs_buf_f(out, " --%s", a->name);
		if (takes_commands(op))
			put_names(out, m);
		gs_buf_z(out, takes_files(op) ? "' ;;\n" : "'; COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")); return ;;\n");
	}
	gs_buf_z(out, "\tesac\n\tif [ \"${cur#-}\" != \"$cur\" ]; then\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		      "\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi\n}\ncomplete -o filenames -F _gospect gospect\n");
}

void gs_complete_zsh(gs_buf *out, const gs_manual *m)
{
	const gs_op *op;
	const gs_arg_group *g;

	gs_buf_z(out, "#compdef gospect\n# zsh completion for gospect, printed by `gospect help --format zsh`\n"
		      "local -a commands\ncommands=(\n");
	for (unsigned i = 0; (op = row_at(m, i)); i++) {
		gs_buf_f(out, "\t'%s:", op->name);
		quoted(out, op->summary, ":");
		gs_buf_z(out, "'\n");
	}
	gs_buf_z(out, ")\nif (( CURRENT == 2 )); then\n\t_describe -t commands 'gospect command' commands\n\treturn\nfi\n"
		      "local command=$words[2]\nshift words\n(( CURRENT-- ))\ncase $command in\n");
	for (unsigned i = 0; (op = row_at(m, i)); i++) {
		gs_buf_f(out, "%s)\n\t_arguments -s \\\n", op->name);
		for (unsigned k = 0; (g = gs_help_group_at(op, k)); k++)
			for (const gs_arg *a = g->args; a->name; a++) {
				const char *repeat = a->kind == GS_ARG_LIST ? "*" : "";

				for (int form = a->short_name ? 0 : 1; form < 2; form++) {
					gs_buf_f(out, "\t\t'%s", repeat);
					if (form == 0)
						gs_buf_f(out, "-%c", a->short_name);
					else
						gs_buf_f(out, "--%s%s", a->name, a->kind == GS_ARG_BOOL ? "" : "=");
					gs_buf_c(out, '[');
					quoted(out, a->help, "[]:\\");
					gs_buf_c(out, ']');
					if (a->kind != GS_ARG_BOOL) {
						gs_buf_f(out, ":%s:", a->unit ? a->unit : a->name);
						if (choices(op, a))
							gs_buf_f(out, "(%s)", choices(op, a));
						else if (is_file_arg(a))
							gs_buf_z(out, "_files");
					}
					gs_buf_z(out, "' \\\n");
				}
			}
		gs_buf_z(out, "\t\t'--help[this text]'");
		if (takes_commands(op))
			gs_buf_z(out, " '1:command:{_describe command commands}'");
		gs_buf_z(out, takes_files(op) ? " '*:file:_files'\n\t;;\n" : "\n\t;;\n");
	}
	gs_buf_z(out, "esac\n");
}

void gs_complete_fish(gs_buf *out, const gs_manual *m)
{
	const gs_op *op;
	const gs_arg_group *g;

	gs_buf_z(out, "# fish completion for gospect, printed by `gospect help --format fish`\n");
	for (unsigned i = 0; (op = row_at(m, i)); i++) {
		gs_buf_f(out, "complete -c gospect -n __fish_use_subcommand -f -a %s -d '", op->name);
		quoted(out, op->summary, "\\");
		gs_buf_z(out, "'\n");
	}
	for (unsigned i = 0; (op = row_at(m, i)); i++)
		for (unsigned k = 0; (g = gs_help_group_at(op, k)); k++)
			for (const gs_arg *a = g->args; a->name; a++) {
				gs_buf_f(out, "complete -c gospect -n '__fish_seen_subcommand_from %s' -l %s", op->name, a->name);
				if (a->short_name)
					gs_buf_f(out, " -s %c", a->short_name);
				if (choices(op, a))
					gs_buf_f(out, " -x -a '%s'", choices(op, a));
				else if (is_file_arg(a))
					gs_buf_z(out, " -r");
				else if (a->kind != GS_ARG_BOOL)
					gs_buf_z(out, " -x");
				gs_buf_z(out, " -d '");
				quoted(out, a->help, "\\");
				gs_buf_z(out, "'\n");
			}
}
