#include "cli/pprof.h"

#include <unistd.h>

#include "base/banned.h"

static const gs_op pprof_op = {
	.name = "pprof",
	.summary = "the command line of go tool pprof: same reports, same text",
	.help = "Takes the flags, reports and sources of go tool pprof, prints the same text, and opens its shell when no report is\n"
		"asked for. Without the prefix the reports are commands of their own with better defaults: gospect top, tree, list...\n"
		"\n"
		"  gospect pprof -top cpu.pprof\n"
		"  gospect pprof -list 'main\\.handle' ./server cpu.pprof\n"
		"  gospect pprof -top -diff_base before.pprof after.pprof\n"
		"  gospect pprof -seconds 10 http://localhost:6060/debug/pprof/profile\n"
		"  gospect pprof -http=: cpu.pprof\n"
		"\n"
		"gospect pprof -help lists all flags.\n",
	.operands = "[FLAG]... [BINARY] SOURCE...",
	.input = GS_INPUT_PATHS,
};

static void write_help(gs_buf *out)
{
	gs_buf_z(out, "usage:\n\n"
		      "A report as text or in a file:\n\n   gospect pprof <format> [options] [binary] <source> ...\n\n"
		      "A shell for many reports on one profile:\n\n   gospect pprof [options] [binary] <source> ...\n\n"
		      "The page in the browser:\n\n   gospect pprof -http [host]:[port] [options] [binary] <source> ...\n\nDetails:\n");
	gs_pprof_usage(out, true);
	gs_buf_z(out, "\n\n  Source options:\n"
		      "    -seconds              Duration for time-based profile collection\n"
		      "    -timeout              Timeout in seconds for profile collection\n"
		      "    -buildid              Override build id for main binary\n"
		      "    -add_comment          Free-form annotation to add to the profile\n"
		      "    -diff_base source     Source of base profile for comparison\n"
		      "    -base source          Source of base profile for profile subtraction\n"
		      "    -symbolize=           none, local, fastlocal, remote, force\n"
		      "    source                A profile in any format that gospect reads, a capture folder, or a URL\n"
		      "    binary                Local path of the binary for symbolization\n"
		      "\n  Misc options:\n"
		      "   -http              Open the page at host:port; both may be left out\n"
		      "   -no_browser        Print the link only\n"
		      "   -tools             Accepted; no other program is needed\n"
		      "\n  Legacy convenience options:\n"
		      "   -inuse_space -inuse_objects -alloc_space -alloc_objects\n"
		      "   -total_delay -contentions -mean_delay\n"
		      "\n  Environment Variables:\n"
		      "   PPROF_TMPDIR       Location for saved profiles (default $HOME/pprof)\n"
		      "   PPROF_BINARY_PATH  Search path for local binary files (default $HOME/pprof/binaries)\n");
}

/* -http: our own page over the same sources. */
static int open_page(gs_pprof *p, gs_err *err)
{
	char **argv = gs_new(p->mem, char *, p->n_sources + 8);
	unsigned n = 0;
	gs_str host, port;

	argv[n++] = (char[]){ "gospect" };
	argv[n++] = (char[]){ "ui" };
	if (gs_str_cut(p->http, ':', &host, &port) && port.n) {
		argv[n++] = (char[]){ "--listen" };
		argv[n++] = gs_cstr(p->mem, host.n && !gs_str_eq(host, GS_S("localhost")) ? p->http : port);
	}
	if (p->no_browser)
		argv[n++] = (char[]){ "--no-browser" };
	for (unsigned i = 0; i < p->n_sources; i++)
		argv[n++] = gs_cstr(p->mem, p->sources[i]);
	execv("/proc/self/exe", argv);
	gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "cannot start gospect ui");
	return 4;
}

static int run(int argc, char **argv, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	gs_pprof *p = gs_new(mem, gs_pprof, 1);
	bool wants_help, ok;

	p->mem = mem;
	gs_pprof_config_init(&p->config);
	if (!gs_pprof_parse(p, argc, argv, &wants_help, err))
		return 2;
	if (wants_help) {
		GS_AUTO(buf) out = { 0 };

		gs_buf_init(&out, 1 << 20);
		write_help(&out);
		return gs_fd_write(STDOUT_FILENO, gs_buf_view(&out), err) ? 0 : 4;
	}
	if (p->http.n)
		return open_page(p, err);
	ok = gs_pprof_fetch(p, err);
	if (ok && p->report)
		ok = gs_pprof_generate(p, p->report, p->param, &p->config, err);
	else if (ok)
		ok = gs_pprof_shell(p, err);
	gs_symbolizer_free(p->symbolizer);
	gs_document_close(p->doc);
	return ok ? 0 : 2;
}

const gs_command gs_command_pprof = { .op = &pprof_op, .run_words = run };
