/* perf.data becomes a pprof with names, while the files that the target ran from can still be read. */
#include "app/record.h"
#include "base/gzip.h"
#include "load/load.h"
#include "load/symbolize.h"
#include "present/pprof_write.h"
#include "base/banned.h"

static void take_notes(gs_part *part, gs_str notes, gs_arena *mem)
{
	gs_str line;

	/* Code that was made in memory has no file to name. */
	while (!part->note.n && gs_str_line(&notes, &line))
		if (line.n && line.p[0] == '/')
			part->note = gs_str_dup(mem, line);
}

bool gs_record_convert(gs_folder *folder, const gs_perf_facts *facts, const gs_process *process, const char *file, gs_part *part,
		       gs_arena *mem, gs_err *err)
{
	gs_symbol_file *files = gs_new(mem, gs_symbol_file, facts->n_binaries);
	char path[4400], root[64];
	GS_AUTO(document) *doc = NULL;
	GS_AUTO(symbolizer) *symbols = NULL;
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	GS_AUTO(buf) raw = { 0 };
	GS_AUTO(buf) packed = { 0 };
	gs_symbolizer_options options = { .files = files };
	gs_symbolized report = { 0 };
	const gs_profile *named;

	for (; options.n_files < facts->n_binaries; options.n_files++)
		files[options.n_files] = (gs_symbol_file){ facts->binaries[options.n_files].path,
							   facts->binaries[options.n_files].open_path };
	if (process) {
		snprintf(root, sizeof(root), "/proc/%d/root", process->pid);
		options.root = root;
	}
	snprintf(path, sizeof(path), "%s/perf.data", folder->path);
	doc = gs_load_file(path, &(gs_load_options){ .keep_addresses = true }, NULL, err);
	if (!doc)
		return false;
	if (part->duration_ns) /* perf.data only tells from the first to the last sample */
		doc->profile->duration_ns = part->duration_ns;
	symbols = gs_symbolizer_create(&options);
	named = gs_profile_symbolize(scratch, doc->profile, symbols, &report, err);
	take_notes(part, gs_buf_view(&report.notes), mem);
	gs_buf_release(&report.notes);
	if (!named)
		return false;
	gs_buf_init(&raw, (size_t)8 << 30);
	gs_buf_init(&packed, (size_t)8 << 30);
	gs_pprof_write(&raw, named, NULL);
	gs_gzip(&packed, gs_buf_view(&raw), 6);
	if (raw.bad || packed.bad)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %s", file);
	if (!gs_folder_write(folder, file, gs_buf_view(&packed), err))
		return false;
	part->state = GS_PART_DONE;
	part->size_bytes = packed.n;
	part->how = gs_strf(mem, "from perf.data, %u of %u places named", report.resolved, report.wanted);
	return true;
}
