/* Flags of `gospect pprof`, parsed as Go's flag package does: -name, -name value, -name=value, one or two dashes; the first
 * word that is no flag ends them. */
#include "app/pprof/pprof.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

typedef struct flag_words {
	char **argv;
	int n, at;
	gs_str name, value;
	bool has_value;
} flag_words;

static bool next_flag(flag_words *w)
{
	gs_str word;
	size_t eq;

	if (w->at >= w->n)
		return false;
	word = gs_str_of(w->argv[w->at]);
	if (word.n < 2 || word.p[0] != '-')
		return false;
	w->at++;
	word = gs_str_skip(word, word.p[1] == '-' ? 2 : 1);
	if (word.n == 0)
		return false;
	eq = gs_str_find_char(word, '=');
	w->has_value = eq != SIZE_MAX;
	w->name = gs_str_slice(word, 0, eq);
	w->value = w->has_value ? gs_str_skip(word, eq + 1) : (gs_str){ 0 };
	return true;
}

static bool want_value(flag_words *w, gs_err *err)
{
	if (w->has_value)
		return true;
	if (w->at >= w->n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "flag needs an argument: -%.*s", GS_FMT(w->name));
	w->value = gs_str_of(w->argv[w->at++]);
	return true;
}

static bool want_bool(flag_words *w, bool *out, gs_err *err)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	*out = true;
	if (!w->has_value)
		return true;
	for (size_t i = 0; i < 6; i++) {
		if (gs_str_eq(w->value, gs_str_of(yes[i])))
			return true;
		if (gs_str_eq(w->value, gs_str_of(no[i]))) {
			*out = false;
			return true;
		}
	}
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "invalid boolean value \"%.*s\" for -%.*s: parse error",
		       GS_FMT(w->value), GS_FMT(w->name));
}

static bool want_int(flag_words *w, int64_t *out, gs_err *err)
{
	if (!want_value(w, err))
		return false;
	return gs_str_i64(w->value, out) ||
	       gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "invalid value \"%.*s\" for flag -%.*s: parse error",
		       GS_FMT(w->value), GS_FMT(w->name));
}

/* Flags that choose the sample type. The first one given wins; pprof looks at them in this order. */
static const struct {
	const char *flag, *type;
} type_flags[] = {
	{ "total_delay", "delay" },	    { "mean_delay", "delay" },	      { "contentions", "contentions" },
	{ "inuse_space", "inuse_space" },   { "inuse_objects", "inuse_objects" }, { "alloc_space", "alloc_space" },
	{ "alloc_objects", "alloc_objects" },
};
enum { N_TYPE_FLAGS = sizeof(type_flags) / sizeof(type_flags[0]) };

typedef struct parsed {
	bool types[N_TYPE_FLAGS];
	gs_str granularity, sort;
	unsigned n_granularity, n_sort;
	gs_str base, diff_base;
} parsed;

static bool set_choice(parsed *p, const gs_pprofcmd_option *o, gs_str choice, bool on)
{
	bool is_sort = strcmp(o->name, "sort") == 0;
	gs_str *at = is_sort ? &p->sort : &p->granularity;

	if (!on)
		return true;
	if (!gs_str_eq(*at, choice))
		++*(is_sort ? &p->n_sort : &p->n_granularity);
	*at = choice;
	return true;
}

static bool set_report(gs_pprofcmd *p, const gs_pprofcmd_report *r, flag_words *w, gs_err *err)
{
	bool on = true;

	if (r->has_param) {
		if (!want_value(w, err))
			return false;
		on = w->value.n != 0;
	} else if (!want_bool(w, &on, err)) {
		return false;
	}
	if (!on)
		return true;
	if (p->report && p->report != r)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "must set at most one output format");
	p->report = r;
	p->param = w->value;
	return true;
}

static bool set_option(gs_pprofcmd *p, parsed *x, const gs_pprofcmd_option *o, gs_str choice, flag_words *w, gs_err *err)
{
	bool on;

	if (choice.n)
		return want_bool(w, &on, err) && set_choice(x, o, choice, on);
	if (o->kind == GS_PPROFCMD_BOOL) {
		if (!want_bool(w, &on, err))
			return false;
		w->value = on ? GS_S("true") : GS_S("false");
	} else if (!want_value(w, err)) {
		return false;
	}
	return gs_pprofcmd_config_set(&p->config, o, w->value, err);
}

static bool set_other(gs_pprofcmd *p, parsed *x, flag_words *w, gs_err *err)
{
	const struct {
		const char *name;
		gs_str *at;
	} strings[] = {
		{ "diff_base", &x->diff_base },	 { "base", &x->base },		{ "symbolize", &p->symbolize },
		{ "buildid", &p->build_id },	 { "add_comment", &p->comment }, { "http", &p->http },
		{ "tools", &(gs_str){ 0 } },	 { "tls_cert", &p->tls.cert_file }, { "tls_key", &p->tls.key_file },
		{ "tls_ca", &p->tls.ca_file },
	};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (gs_str_eq(w->name, gs_str_of(strings[i].name))) {
			if (!want_value(w, err))
				return false;
			*strings[i].at = w->value;
			return true;
		}
	if (gs_str_eq(w->name, GS_S("seconds")))
		return want_int(w, &p->seconds, err);
	if (gs_str_eq(w->name, GS_S("timeout")))
		return want_int(w, &p->timeout, err);
	if (gs_str_eq(w->name, GS_S("no_browser")))
		return want_bool(w, &p->no_browser, err);
	for (size_t i = 0; i < N_TYPE_FLAGS; i++)
		if (gs_str_eq(w->name, gs_str_of(type_flags[i].flag)))
			return want_bool(w, &x->types[i], err);
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "flag provided but not defined: -%.*s", GS_FMT(w->name));
}

/* An executable in front of profiles: ELF, Mach-O or PE. */
static bool is_executable(const char *path)
{
	static const char magics[][5] = { "\x7f"
					  "ELF",
					  "\xcf\xfa\xed\xfe", "\xfe\xed\xfa\xcf", "MZ\x90" };
	char head[4] = { 0 };
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(head, 1, 4, f) : 0;

	if (f)
		fclose(f);
	for (size_t i = 0; n == 4 && i < 4; i++)
		if (memcmp(head, magics[i], i == 3 ? 3 : 4) == 0)
			return true;
	return false;
}

static bool settle(gs_pprofcmd *p, const parsed *x, gs_err *err)
{
	gs_err ignored;

	if (x->n_granularity > 1 || x->n_sort > 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "conflicting options set: more than one %s",
			       x->n_sort > 1 ? "sort order" : "granularity");
	if (x->granularity.n) {
		p->config.granularity = x->granularity;
		gs_granularity_parse(x->granularity, &p->config.query.granularity, &ignored);
	}
	if (x->sort.n)
		p->config.query.cum_sort = gs_str_eq(x->sort, GS_S("cum"));
	if (p->report && p->http.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "-http is not compatible with an output format on the command line");
	if (p->no_browser && !p->http.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "-no_browser only makes sense with -http");
	for (size_t i = 0; i < N_TYPE_FLAGS; i++) {
		if (!x->types[i])
			continue;
		if (p->config.query.sample_index.n == 0)
			p->config.query.sample_index = gs_str_of(type_flags[i].type);
		else
			gs_pprofcmd_note(p, "Multiple value selections, ignoring -%s", type_flags[i].flag);
		if (strcmp(type_flags[i].flag, "mean_delay") == 0)
			p->config.query.mean = true;
	}
	if (x->base.n && x->diff_base.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "-base and -diff_base flags cannot both be specified");
	p->base = x->diff_base.n ? x->diff_base : x->base;
	p->is_diff_base = x->diff_base.n != 0;
	if (p->config.query.normalize && !p->base.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "must have base profile to normalize by");
	return true;
}

bool gs_pprofcmd_parse(gs_pprofcmd *p, int argc, char **argv, bool *wants_help, gs_err *err)
{
	flag_words w = { .argv = argv, .n = argc };
	parsed x = { 0 };

	p->seconds = p->timeout = -1;
	*wants_help = false;
	while (next_flag(&w)) {
		const gs_pprofcmd_report *r = gs_pprofcmd_report_find(w.name);
		gs_str choice;
		const gs_pprofcmd_option *o = gs_pprofcmd_option_find(w.name, &choice);
		bool ok;

		if (gs_str_eq(w.name, GS_S("h")) || gs_str_eq(w.name, GS_S("help"))) {
			*wants_help = true;
			return true;
		}
		if (r)
			ok = set_report(p, r, &w, err);
		else if (o && (choice.n || o->kind != GS_PPROFCMD_CHOICE))
			ok = set_option(p, &x, o, choice, &w, err);
		else
			ok = set_other(p, &x, &w, err);
		if (!ok)
			return false;
	}
	if (w.at >= argc)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no profile source specified");
	if (argc - w.at > 1 && is_executable(argv[w.at]))
		p->exec_name = gs_str_of(argv[w.at++]);
	for (; w.at < argc && p->n_sources < sizeof(p->sources) / sizeof(p->sources[0]); w.at++)
		p->sources[p->n_sources++] = gs_str_of(argv[w.at]);
	return settle(p, &x, err);
}
