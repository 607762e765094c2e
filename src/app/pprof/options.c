/* The tables of reports and options of `gospect pprof`. */
#include "app/pprof/pprof.h"

#include <stddef.h>

#include "base/banned.h"

#define GRAPH_HELP " [n] [focus_regex]* [-ignore_regex]*"
#define GRAPH_TEXT "Include up to n samples\nInclude samples matching focus_regex, and exclude ignore_regex."
#define CUM_TEXT "\n-cum sorts the output by cumulative weight"
#define SAVE_TEXT "\nOptionally save the report on the file f"
#define LIST_HELP "<func_regex|address> [-focus_regex]* [-ignore_regex]*"
#define LIST_TEXT                                                                                   \
	"Include functions matching func_regex, or including the address specified.\n" \
	"Include samples matching focus_regex, and exclude ignore_regex."
#define GRAPH(name) name GRAPH_HELP "\n" GRAPH_TEXT
#define GRAPH_SAVE(name) name GRAPH_HELP " >f\n" GRAPH_TEXT SAVE_TEXT
#define GRAPH_CUM_SAVE(name) name GRAPH_HELP " [-cum] >f\n" GRAPH_TEXT CUM_TEXT SAVE_TEXT

const gs_pprofcmd_report gs_pprofcmd_reports[] = {
	{ "callgrind", GS_REPORT_CALLGRIND, .suffix = ".callgraph.out", .summary = "Outputs a graph in callgrind format",
	  .usage = GRAPH_SAVE("callgrind") },
	{ "comments", GS_REPORT_COMMENTS, .summary = "Output all profile comments" },
	{ "disasm", GS_REPORT_DISASM, true, .summary = "Output assembly listings annotated with samples",
	  .usage = "disasm" LIST_HELP " >f\n" LIST_TEXT SAVE_TEXT },
	{ "dot", GS_REPORT_DOT, .summary = "Outputs a graph in DOT format", .usage = GRAPH_SAVE("dot") },
	{ "eog", GS_REPORT_DOT, .dot = "svg", .suffix = ".svg", .viewers = "eog", .summary = "Visualize graph through eog",
	  .usage = GRAPH("eog") },
	{ "evince", GS_REPORT_DOT, .dot = "pdf", .suffix = ".pdf", .viewers = "evince",
	  .summary = "Visualize graph through evince", .usage = GRAPH("evince") },
	{ "gif", GS_REPORT_DOT, .dot = "gif", .suffix = ".gif", .summary = "Outputs a graph image in GIF format",
	  .usage = GRAPH_SAVE("gif") },
	{ "gv", GS_REPORT_DOT, .dot = "ps", .suffix = ".ps", .viewers = "gv", .summary = "Visualize graph through gv",
	  .usage = GRAPH("gv") },
	{ "kcachegrind", GS_REPORT_CALLGRIND, .suffix = ".grind", .viewers = "kcachegrind",
	  .summary = "Visualize report in KCachegrind", .usage = GRAPH("kcachegrind") },
	{ "list", GS_REPORT_LIST, true, .summary = "Output annotated source for functions matching regexp",
	  .usage = "list" LIST_HELP "\n" LIST_TEXT },
	{ "pdf", GS_REPORT_DOT, .dot = "pdf", .suffix = ".pdf", .summary = "Outputs a graph in PDF format",
	  .usage = GRAPH_SAVE("pdf") },
	{ "peek", GS_REPORT_PEEK, true, .summary = "Output callers/callees of functions matching regexp",
	  .usage = "peek func_regex\nDisplay callers and callees of functions matching func_regex." },
	{ "png", GS_REPORT_DOT, .dot = "png", .suffix = ".png", .summary = "Outputs a graph image in PNG format",
	  .usage = GRAPH_SAVE("png") },
	{ "proto", GS_REPORT_PROTO, .suffix = ".pb.gz", .summary = "Outputs the profile in compressed protobuf format" },
	{ "ps", GS_REPORT_DOT, .dot = "ps", .suffix = ".ps", .summary = "Outputs a graph in PS format",
	  .usage = GRAPH_SAVE("ps") },
	{ "raw", GS_REPORT_RAW, .summary = "Outputs a text representation of the raw profile" },
	{ "svg", GS_REPORT_DOT, .dot = "svg", .suffix = ".svg", .summary = "Outputs a graph in SVG format",
	  .usage = GRAPH_SAVE("svg") },
	{ "tags", GS_REPORT_TAGS, .summary = "Outputs all tags in the profile",
	  .usage = "tags [tag_regex]* [-ignore_regex]* [>file]\nList tags with key:value matching tag_regex and exclude ignore_regex." },
	{ "text", GS_REPORT_TOP, .summary = "Outputs top entries in text form", .usage = GRAPH_CUM_SAVE("text") },
	{ "top", GS_REPORT_TOP, .summary = "Outputs top entries in text form", .usage = GRAPH_CUM_SAVE("top") },
	{ "topproto", GS_REPORT_TOPPROTO, .suffix = ".pb.gz",
	  .summary = "Outputs top entries in compressed protobuf format" },
	{ "traces", GS_REPORT_TRACES, .summary = "Outputs all profile samples in text form" },
	{ "tree", GS_REPORT_TREE, .summary = "Outputs a text rendering of call graph", .usage = GRAPH_CUM_SAVE("tree") },
	{ "web", GS_REPORT_DOT, .dot = "svg", .suffix = ".svg", .viewers = "browser",
	  .summary = "Visualize graph through web browser", .usage = GRAPH("web") },
	{ "weblist", GS_REPORT_WEBLIST, true, .suffix = ".html", .viewers = "browser",
	  .summary = "Display annotated source in a web browser", .usage = "weblist" LIST_HELP "\n" LIST_TEXT },
	{ 0 },
};

#define AT(field) offsetof(gs_pprofcmd_config, field)

/* In the order of pprof's own table. */
const gs_pprofcmd_option gs_pprofcmd_options[] = {
	{ "output", GS_PPROFCMD_STRING, AT(output), NULL, "Output filename for file-based outputs\n" },
	{ "call_tree", GS_PPROFCMD_BOOL, AT(query.call_tree), NULL,
	  "Create a context-sensitive call tree\nTreat locations reached through different paths as separate.\n" },
	{ "relative_percentages", GS_PPROFCMD_BOOL, AT(query.relative_percentages), NULL,
	  "Show percentages relative to focused subgraph\nIf unset, percentages are relative to full graph before focusing\n"
	  "to facilitate comparison with original graph.\n" },
	{ "unit", GS_PPROFCMD_STRING, AT(query.unit), NULL,
	  "Measurement units to display\nScale the sample values to this unit.\n"
	  "For time-based profiles, use seconds, milliseconds, nanoseconds, etc.\n"
	  "For memory profiles, use megabytes, kilobytes, bytes, etc.\n"
	  "Using auto will scale each value independently to the most natural unit.\n" },
	{ "compact_labels", GS_PPROFCMD_BOOL, AT(query.compact_labels), NULL, "Show minimal headers" },
	{ "source_path", GS_PPROFCMD_STRING, AT(query.source_path), NULL, "Search path for source files" },
	{ "trim_path", GS_PPROFCMD_STRING, AT(query.trim_path), NULL, "Path to trim from source paths before search" },
	{ "intel_syntax", GS_PPROFCMD_BOOL, AT(query.intel_syntax), NULL,
	  "Show assembly in Intel syntax\nOnly applicable to commands `disasm` and `weblist`\n" },
	{ "mean", GS_PPROFCMD_BOOL, AT(query.mean), NULL,
	  "Average sample value over first value (count)\nFor memory profiles, report average memory per allocation.\n"
	  "For time-based profiles, report average time per event.\n" },
	{ "sample_index", GS_PPROFCMD_STRING, AT(query.sample_index), NULL,
	  "Sample value to report (0-based index or name)\nProfiles contain multiple values per sample.\n"
	  "Use sample_index=i to select the ith value (starting at 0).\n" },
	{ "divide_by", GS_PPROFCMD_FLOAT, AT(query.divide_by), NULL,
	  "Ratio to divide all samples before visualization\n"
	  "Divide all samples values by a constant, eg the number of processors or jobs.\n" },
	{ "normalize", GS_PPROFCMD_BOOL, AT(query.normalize), NULL, "Scales profile based on the base profile.\n" },
	{ "sort", GS_PPROFCMD_CHOICE, AT(query.cum_sort), "cum,flat", "" },
	{ "tagroot", GS_PPROFCMD_STRING, AT(query.tagroot), NULL,
	  "Adds pseudo stack frames for labels key/value pairs at the callstack root.\nA comma-separated list of label keys.\n"
	  "The first key creates frames at the new root.\n" },
	{ "tagleaf", GS_PPROFCMD_STRING, AT(query.tagleaf), NULL,
	  "Adds pseudo stack frames for labels key/value pairs at the callstack leaf.\nA comma-separated list of label keys.\n"
	  "The last key creates frames at the new leaf.\n" },
	{ "drop_negative", GS_PPROFCMD_BOOL, AT(query.drop_negative), NULL,
	  "Ignore negative differences\nDo not show any locations with values <0.\n" },
	{ "nodecount", GS_PPROFCMD_INT, AT(query.node_count), NULL,
	  "Max number of nodes to show\nUses heuristics to limit the number of locations to be displayed.\n"
	  "On graphs, dotted edges represent paths through nodes that have been removed.\n" },
	{ "nodefraction", GS_PPROFCMD_FLOAT, AT(query.node_fraction), NULL, "Hide nodes below <f>*total" },
	{ "edgefraction", GS_PPROFCMD_FLOAT, AT(query.edge_fraction), NULL, "Hide edges below <f>*total" },
	{ "trim", GS_PPROFCMD_BOOL, AT(query.trim), NULL,
	  "Honor nodefraction/edgefraction/nodecount defaults\nSet to false to get the full profile, without any trimming.\n" },
	{ "focus", GS_PPROFCMD_STRING, AT(query.focus), NULL,
	  "Restricts to samples going through a node matching regexp\n"
	  "Discard samples that do not include a node matching this regexp.\n"
	  "Matching includes the function name, filename or object name.\n" },
	{ "ignore", GS_PPROFCMD_STRING, AT(query.ignore), NULL,
	  "Skips paths going through any nodes matching regexp\n"
	  "If set, discard samples that include a node matching this regexp.\n"
	  "Matching includes the function name, filename or object name.\n" },
	{ "prune_from", GS_PPROFCMD_STRING, AT(query.prune_from), NULL,
	  "Drops any functions below the matched frame.\nIf set, any frames matching the specified regexp and any frames\n"
	  "below it will be dropped from each sample.\n" },
	{ "hide", GS_PPROFCMD_STRING, AT(query.hide), NULL,
	  "Skips nodes matching regexp\nDiscard nodes that match this location.\n"
	  "Other nodes from samples that include this location will be shown.\n"
	  "Matching includes the function name, filename or object name.\n" },
	{ "show", GS_PPROFCMD_STRING, AT(query.show), NULL,
	  "Only show nodes matching regexp\nIf set, only show nodes that match this location.\n"
	  "Matching includes the function name, filename or object name.\n" },
	{ "show_from", GS_PPROFCMD_STRING, AT(query.show_from), NULL,
	  "Drops functions above the highest matched frame.\n"
	  "If set, all frames above the highest match are dropped from every sample.\n"
	  "Matching includes the function name, filename or object name.\n" },
	{ "tagfocus", GS_PPROFCMD_STRING, AT(query.tagfocus), NULL,
	  "Restricts to samples with tags in range or matched by regexp\n"
	  "Use name=value syntax to limit the matching to a specific tag.\n"
	  "Numeric tag filter examples: 1kb, 1kb:10kb, memory=32mb:\n"
	  "String tag filter examples: foo, foo.*bar, mytag=foo.*bar\n" },
	{ "tagignore", GS_PPROFCMD_STRING, AT(query.tagignore), NULL,
	  "Discard samples with tags in range or matched by regexp\n"
	  "Use name=value syntax to limit the matching to a specific tag.\n"
	  "Numeric tag filter examples: 1kb, 1kb:10kb, memory=32mb:\n"
	  "String tag filter examples: foo, foo.*bar, mytag=foo.*bar\n" },
	{ "tagshow", GS_PPROFCMD_STRING, AT(query.tagshow), NULL,
	  "Only consider tags matching this regexp\nDiscard tags that do not match this regexp\n" },
	{ "taghide", GS_PPROFCMD_STRING, AT(query.taghide), NULL,
	  "Skip tags matching this regexp\nDiscard tags that match this regexp\n" },
	{ "noinlines", GS_PPROFCMD_BOOL, AT(query.noinlines), NULL,
	  "Ignore inlines.\nAttributes inlined functions to their first out-of-line caller.\n" },
	{ "showcolumns", GS_PPROFCMD_BOOL, AT(query.showcolumns), NULL,
	  "Show column numbers at the source code line level.\n" },
	{ "granularity", GS_PPROFCMD_CHOICE, AT(granularity), "addresses,filefunctions,files,functions,lines", "" },
	{ 0 },
};

const char *gs_pprofcmd_choice_help(gs_str choice)
{
	static const struct {
		const char *name, *help;
	} all[] = {
		{ "flat", "Sort entries based on own weight\n" },
		{ "cum", "Sort entries based on cumulative weight\n" },
		{ "functions", "Aggregate at the function level.\nIgnores the filename where the function was defined.\n" },
		{ "filefunctions",
		  "Aggregate at the function level.\nTakes into account the filename where the function was defined.\n" },
		{ "files", "Aggregate at the file level." },
		{ "lines", "Aggregate at the source code line level." },
		{ "addresses", "Aggregate at the address level.\nIncludes functions' addresses in the output.\n" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (gs_str_eq(choice, gs_str_of(all[i].name)))
			return all[i].help;
	return NULL;
}

const gs_pprofcmd_report *gs_pprofcmd_report_find(gs_str name)
{
	for (const gs_pprofcmd_report *r = gs_pprofcmd_reports; r->name; r++)
		if (gs_str_eq(name, gs_str_of(r->name)))
			return r;
	return NULL;
}

void gs_pprofcmd_config_init(gs_pprofcmd_config *c)
{
	*c = (gs_pprofcmd_config){ 0 };
	gs_query_init(&c->query);
}

const gs_pprofcmd_option *gs_pprofcmd_option_find(gs_str name, gs_str *choice)
{
	*choice = (gs_str){ 0 };
	for (const gs_pprofcmd_option *o = gs_pprofcmd_options; o->name; o++) {
		gs_str rest = gs_str_of(o->choices), one;

		if (gs_str_eq(name, gs_str_of(o->name)))
			return o;
		while (rest.n) {
			gs_str_cut(rest, ',', &one, &rest);
			if (gs_str_eq(one, name)) {
				*choice = one;
				return o;
			}
		}
	}
	return NULL;
}

static bool set_bool(gs_str v, bool *out)
{
	static const char *const yes[] = { "true", "t", "yes", "y", "1", "" };
	static const char *const no[] = { "false", "f", "no", "n", "0" };
	char low[8];

	if (v.n >= sizeof(low))
		return false;
	for (size_t i = 0; i < v.n; i++)
		low[i] = v.p[i] >= 'A' && v.p[i] <= 'Z' ? (char)(v.p[i] + 32) : v.p[i];
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (gs_str_eq((gs_str){ low, v.n }, gs_str_of(yes[i])))
			return *out = true;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (gs_str_eq((gs_str){ low, v.n }, gs_str_of(no[i]))) {
			*out = false;
			return true;
		}
	return false;
}

bool gs_pprofcmd_config_set(gs_pprofcmd_config *c, const gs_pprofcmd_option *o, gs_str value, gs_err *err)
{
	char *at = (char *)c + o->offset;
	gs_str rest = gs_str_of(o->choices), one;

	switch (o->kind) {
	case GS_PPROFCMD_BOOL:
		return set_bool(value, (bool *)at) ||
		       gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "illegal value \"%.*s\" for bool variable",
			       GS_FMT(value));
	case GS_PPROFCMD_INT:
		return gs_str_i64(value, (int64_t *)(void *)at) ||
		       gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: \"%.*s\" is no number", o->name, GS_FMT(value));
	case GS_PPROFCMD_FLOAT:
		return gs_str_f64(value, (double *)(void *)at) ||
		       gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: \"%.*s\" is no number", o->name, GS_FMT(value));
	case GS_PPROFCMD_STRING:
		*(gs_str *)(void *)at = value;
		return true;
	case GS_PPROFCMD_CHOICE:
		break;
	}
	while (rest.n) {
		gs_str_cut(rest, ',', &one, &rest);
		if (!gs_str_eq(one, value))
			continue;
		if (o->offset == AT(query.cum_sort)) {
			c->query.cum_sort = gs_str_eq(value, GS_S("cum"));
			return true;
		}
		c->granularity = value;
		return gs_granularity_parse(value, &c->query.granularity, err);
	}
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "invalid \"%s\" value \"%.*s\"", o->name, GS_FMT(value));
}

void gs_pprofcmd_config_get(const gs_pprofcmd_config *c, const gs_pprofcmd_option *o, gs_buf *out)
{
	const char *at = (const char *)c + o->offset;

	switch (o->kind) {
	case GS_PPROFCMD_BOOL:
		gs_buf_z(out, *(const bool *)at ? "true" : "false");
		break;
	case GS_PPROFCMD_INT:
		gs_buf_f(out, "%lld", (long long)*(const int64_t *)(const void *)at);
		break;
	case GS_PPROFCMD_FLOAT:
		gs_buf_f(out, "%.15g", *(const double *)(const void *)at);
		break;
	case GS_PPROFCMD_STRING:
		gs_buf_str(out, *(const gs_str *)(const void *)at);
		break;
	case GS_PPROFCMD_CHOICE:
		if (o->offset == AT(query.cum_sort))
			gs_buf_z(out, c->query.cum_sort ? "cum" : "flat");
		else
			gs_buf_str(out, c->granularity);
		break;
	}
}

static gs_str first_line(const char *text)
{
	gs_str line;

	gs_str_cut(gs_str_of(text), '\n', &line, &(gs_str){ 0 });
	return line;
}

static int compare_options(const void *a, const void *b)
{
	return strcmp((*(const gs_pprofcmd_option *const *)a)->name, (*(const gs_pprofcmd_option *const *)b)->name);
}

static void put_help_line(gs_buf *out, const char *indent, const char *prefix, gs_str name, gs_str help)
{
	int width = 16 - (int)strlen(prefix);

	gs_buf_f(out, "%s    %s%-*.*s %.*s", indent, prefix, width, GS_FMT(name), GS_FMT(help));
}

void gs_pprofcmd_usage(gs_buf *out, bool is_command_line)
{
	const gs_pprofcmd_option *list[64];
	const char *dash = is_command_line ? "-" : "";
	size_t n = 0;

	gs_buf_z(out, is_command_line ? "  Output formats (select at most one):\n" : "  Commands:\n");
	for (const gs_pprofcmd_report *r = gs_pprofcmd_reports; r->name; r++) {
		put_help_line(out, "", dash, gs_str_of(r->name), gs_str_of(r->summary));
		gs_buf_c(out, '\n');
	}
	if (!is_command_line) {
		put_help_line(out, "", "", GS_S("o/options"), GS_S("List options and their current values"));
		gs_buf_c(out, '\n');
		put_help_line(out, "", "", GS_S("q/quit/exit/^D"), GS_S("Exit pprof"));
		gs_buf_c(out, '\n');
	}
	gs_buf_z(out, "\n  Options:\n");
	for (const gs_pprofcmd_option *o = gs_pprofcmd_options; o->name; o++)
		if (o->kind != GS_PPROFCMD_CHOICE)
			list[n++] = o;
	qsort(list, n, sizeof(*list), compare_options);
	for (size_t i = 0; i < n; i++) {
		put_help_line(out, "", dash, gs_str_of(list[i]->name), first_line(list[i]->help));
		gs_buf_c(out, '\n');
	}
	gs_buf_z(out, "\n  Option groups (only set one per group):\n");
	for (int pass = 0; pass < 2; pass++) {
		gs_str rest = GS_S("functions,filefunctions,files,lines,addresses"), one;

		put_help_line(out, "", "", pass ? GS_S("sort") : GS_S("granularity"), (gs_str){ 0 });
		if (pass)
			rest = GS_S("cum,flat");
		while (rest.n) {
			gs_str_cut(rest, ',', &one, &rest);
			gs_buf_c(out, '\n');
			put_help_line(out, "  ", dash, one, first_line(gs_pprofcmd_choice_help(one)));
		}
		if (!pass)
			gs_buf_c(out, '\n');
	}
}
