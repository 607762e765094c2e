#include "app/live.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/record.h"
#include "app/snapshot.h"
#include "base/file.h"
#include "load/heap.h"

#include "base/banned.h"

bool gs_live_is(gs_str source)
{
	char path[4096];
	struct stat st;
	uint64_t pid;

	if (!source.n || source.n >= sizeof(path))
		return false;
	snprintf(path, sizeof(path), "%.*s", GS_FMT(source));
	if (stat(path, &st) == 0)
		return false;
	return gs_http_target_like(source) || (gs_str_u64(source, 10, &pid) && pid > 0 && pid <= INT32_MAX);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	remove(path);
	return 0;
}

/* One profile was named: then its name decides, not our choice of parts. */
static bool names_one_profile(gs_arena *mem, gs_str source)
{
	gs_http_target t = { 0 };

	return gs_http_target_like(source) && gs_http_target_parse(mem, source, &t, NULL) && t.single.n;
}

/* *folder: where it was kept, in `mem`. */
/* Of a running program when nobody said how long: what a few seconds do not show is rare, and traces are large. */
#define TRACE_NS 5000000000ll

static bool record(gs_arena *mem, const gs_record_options *o, const gs_progress *progress, gs_str *folder, gs_buf *notes,
		   gs_err *err)
{
	gs_record *r = gs_record_start(o, err);
	const gs_capture_info *info;
	gs_record_status st = { 0 };
	bool ok;

	if (!r)
		return false;
	while (!gs_record_wait(r, 100000000)) {
		gs_record_poll(r, &st);
		gs_progress_report(progress, st.done, st.message);
		if (gs_progress_should_stop(progress))
			gs_record_stop(r);
	}
	gs_record_poll(r, &st);
	ok = st.state != GS_RECORD_FAILED;
	if (!ok && err)
		*err = st.err;
	*folder = gs_str_dup(mem, gs_str_of(gs_record_folder(r)));
	info = ok && notes ? gs_record_result(r) : NULL;
	for (uint32_t i = 0; info && i < info->n_parts; i++)
		if (info->parts[i].state != GS_PART_DONE)
			gs_buf_f(notes, "%.*s: %.*s\n", GS_FMT(info->parts[i].file), GS_FMT(info->parts[i].error));
	gs_record_free(r);
	return ok;
}

static bool record_and_open(gs_arena *mem, gs_str source, const gs_open_options *options, const gs_progress *progress, gs_documents *out,
			    gs_buf *notes, gs_err *err)
{
	gs_record_options o = { .target = source, .duration_ns = options->duration_ns, .auth = options->auth };
	/* Who asked to stop wants what was taken up to then: reading it goes to its end. */
	gs_progress reading = progress ? (gs_progress){ .report = progress->report, .ctx = progress->ctx } : (gs_progress){ 0 };
	const char *tmp = getenv("TMPDIR");
	char *made = NULL;
	gs_str folder;
	bool ok;

	if (!names_one_profile(mem, source))
		o.only = options->only;
	if (o.only.n && gs_only_has(o.only, GS_S("trace"))) {
		o.duration_ns = o.duration_ns ? o.duration_ns : TRACE_NS;
		o.trace_ns = o.duration_ns;
		o.no_perf = true;
	}
	if (!options->keeps_capture) {
		made = gs_cstr(mem, gs_strf(mem, "%s/gospect-XXXXXX", tmp && *tmp ? tmp : "/tmp"));
		if (!mkdtemp(made))
			return gs_fail_errno(err, errno, "make a folder in", tmp && *tmp ? tmp : "/tmp");
		/* The folder's name is the name of the capture wherever it is shown. */
		o.output = gs_strf(mem, "%s/recording", made).p;
	}
	ok = record(mem, &o, progress, &folder, notes, err) &&
	     gs_load_input(folder.p, &options->load, &reading, out, notes, err);
	if (made)
		nftw(made, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return ok;
}

/* Out of its memory: needs no endpoint, and Go's own dump would stop it for longer. */
static bool goroutines_of_process(gs_arena *mem, gs_str source, const gs_open_options *options, const gs_progress *progress,
				  gs_documents *out, gs_err *err)
{
	gs_document *doc;
	gs_snapshot_report report;
	gs_image *image;
	gs_str title;
	int32_t pid;

	if (!gs_snapshot_find(mem, source, &pid, &title, err))
		return false;
	image = gs_snapshot_take(mem, pid, (gs_snapshot_ask){ 0 }, progress, &report, err);
	if (!image)
		return false;
	doc = gs_document_create(title, source);
	doc->format = GS_S("memory");
	if (gs_goroutines_of_image(image, title, options->load.executable,
				   gs_strf(mem, "%.*s, stopped for %.2f ms", GS_FMT(title), (double)report.pause_ns / 1e6), doc, progress, err))
		return gs_documents_add(out, doc, err);
	gs_document_close(doc);
	return false;
}

bool gs_live_open(gs_str source, const gs_open_options *options, const gs_progress *progress, gs_documents *out, gs_buf *notes,
		  gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);

	return gs_str_eq(options->only, GS_S("goroutines")) && !gs_http_target_like(source) ?
		       goroutines_of_process(mem, source, options, progress, out, err) :
		       record_and_open(mem, source, options, progress, out, notes, err);
}
