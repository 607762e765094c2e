/* gospect merge: profiles of many files into one. */
#include "app/op.h"
#include "app/pprof_bytes.h"
#include "load/merge.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "keep-going", GS_ARG_BOOL, .help = "leave out files that cannot be read, name them in the comments and end with status 1",
	  .short_name = 'k' },
	{ "threads", GS_ARG_INT, "0", .unit = "threads", .help = "files to read at the same time; 0: as many as there are processors" },
	{ 0 },
};
static const gs_arg_group group = { "Merging", args };

static bool run(gs_op_call *call, gs_err *err)
{
	GS_AUTO(buf) skipped = { .max = (size_t)1 << 20 };
	gs_load_options options = { .threads = (unsigned)gs_call_int(call, "threads"), .keep_path_name = true, .for_merging = true };
	unsigned n_skipped = 0;
	GS_AUTO(document) *doc = NULL;

	if (!call->n_paths)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "merge: which profiles?");
	doc = gs_merge_files(call->paths, call->n_paths, &options, call->progress, &skipped, &n_skipped, err);
	if (!doc)
		return false;
	if (n_skipped && !gs_call_bool(call, "keep-going")) {
		gs_str all = gs_buf_view(&skipped), first = { 0 };

		gs_str_line(&all, &first);
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
			       "%.*s; %u of %u files cannot be read (--keep-going leaves them out)", GS_FMT(first), n_skipped,
			       call->n_paths);
	}
	if (n_skipped)
		call->exit_status = 1;
	return gs_write_pprof_bytes(call, doc->profile, doc->rows, err);
}

const gs_op gs_op_merge = {
	.name = "merge",
	.summary = "add up profiles of many files",
	.help = "Adds profiles of one kind as `go tool pprof -proto a b` does, thousands of them in the memory of the result: files are read\n"
		"in parallel and dropped at once. Values of equal stacks and labels are added, the duration is the sum of durations. Sample\n"
		"types that are not in every file are left out. A file of several appended profiles counts as all of them.\n"
		"\n"
		"  gospect merge pod-*.pprof -o fleet.pprof\n"
		"  gospect merge --keep-going captures/*/cpu.pprof -o cpu.pprof\n"
		"  cat a.pb.gz b.pb.gz > both.pb.gz; gospect merge both.pb.gz -o sum.pb.gz\n",
	.operands = "FILE...",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
	.formats = "pprof proto",
	.run = run,
	.is_slow = true,
};
