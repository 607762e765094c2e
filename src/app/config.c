#include "app/config.h"

#include <stdlib.h>

#include "base/buf.h"

#include "base/banned.h"

enum { MAX_PAIRS = 1000 };

static const struct {
	const char *name, *means;
} short_names[] = {
	{ "trace.duration", "record.trace" },
	{ "trace.max_bytes", "record.trace-max-bytes" },
	{ "trace.max_events", "record.trace-max-events" },
	{ "profile.cpu.duration", "record.duration" },
};

bool gs_config_is_named(void)
{
	const char *own = getenv("GOSPECT_CONFIG");

	return own && *own;
}

const char *gs_config_path(gs_arena *mem)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (gs_config_is_named())
		return getenv("GOSPECT_CONFIG");
	if (xdg && *xdg)
		return gs_strf(mem, "%s/gospect/config", xdg).p;
	return home && *home ? gs_strf(mem, "%s/.config/gospect/config", home).p : NULL;
}

static const gs_op *find_op(gs_str name, const gs_op *const *extra)
{
	const gs_op *op = gs_op_find(name);

	for (unsigned i = 0; !op && extra && extra[i]; i++)
		if (gs_str_eq(gs_str_of(extra[i]->name), name))
			op = extra[i];
	return op;
}

bool gs_config_pairs(gs_arena *mem, gs_str text, const char *path, const gs_op *op, const gs_op *const *extra, gs_op_pair **pairs,
		     unsigned *n, gs_err *err)
{
	gs_op_pair *out = gs_new(mem, gs_op_pair, MAX_PAIRS);
	gs_str line;
	unsigned number = 0;

	*n = 0;
	while (gs_str_line(&text, &line)) {
		gs_str key, value, operation, option;
		const gs_op *of;
		const gs_arg *arg;

		number++;
		line = gs_str_trim(gs_str_slice(line, 0, gs_str_find_char(line, '#')));
		if (!line.n)
			continue;
		if (!gs_str_cut(line, '=', &key, &value))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s, line %u: OPERATION.OPTION = value is wanted, not \"%.*s\"", path,
				       number, GS_FMT(gs_str_slice(line, 0, 60)));
		key = gs_str_trim(key);
		value = gs_str_trim(value);
		for (size_t i = 0; i < sizeof(short_names) / sizeof(*short_names); i++)
			if (gs_str_eq(key, gs_str_of(short_names[i].name)))
				key = gs_str_of(short_names[i].means);
		gs_str_cut(key, '.', &operation, &option);
		of = find_op(operation, extra);
		arg = of ? gs_op_find_arg(of, option) : NULL;
		if (!arg)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s, line %u: %s \"%.*s\"", path, number,
				       of ? "that operation has no option" : "there is no operation", GS_FMT(of ? option : operation));
		if (of != op)
			continue;
		if (*n == MAX_PAIRS)
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%s: more than %d lines for one operation", path, MAX_PAIRS);
		out[(*n)++] = (gs_op_pair){ gs_str_of(arg->name), gs_str_dup(mem, value) };
	}
	*pairs = out;
	return true;
}
