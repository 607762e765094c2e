#include "capture/evidence.h"

#include <dirent.h>

#include "base/file.h"
#include "capture/kernel.h"
#include "capture/proc_text.h"
#include "base/banned.h"

bool gs_evidence_maps(gs_folder *f, const int32_t *pids, uint32_t n, gs_err *err)
{
	bool ok = true;

	for (uint32_t i = 0; i < n; i++) {
		GS_AUTO(file) maps = { 0 };
		char path[64], name[64];

		snprintf(path, sizeof(path), "/proc/%d/maps", pids[i]);
		if (n > 1)
			snprintf(name, sizeof(name), "maps.%d.txt", pids[i]);
		else
			snprintf(name, sizeof(name), "maps.txt");
		ok &= gs_file_read(path, 256 << 20, &maps, err) && gs_folder_write(f, name, maps.bytes, err);
	}
	return ok;
}

static void put_thread(int32_t pid, const char *tid, gs_buf *out)
{
	GS_AUTO(file) status = { 0 };
	char path[96];
	gs_str ids;
	size_t from, to;

	if (snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid, tid) >= (int)sizeof(path) || !gs_file_read(path, 1 << 20, &status, NULL))
		return;
	/* From the outermost namespace that we see to the innermost. */
	ids = gs_proc_status_value(status.bytes, "NSpid");
	from = gs_str_find_char(ids, '\t');
	to = gs_str_rfind_char(ids, '\t');
	if (from != SIZE_MAX)
		gs_buf_f(out, "%.*s %.*s\n", GS_FMT(gs_str_slice(ids, 0, from)), GS_FMT(gs_str_skip(ids, to + 1)));
}

void gs_evidence_threads(const int32_t *pids, uint32_t n, gs_buf *out)
{
	for (uint32_t i = 0; i < n; i++) {
		char path[64];
		struct dirent *e;
		DIR *dir;

		snprintf(path, sizeof(path), "/proc/%d/task", pids[i]);
		dir = opendir(path);
		while (dir && (e = readdir(dir)))
			if (e->d_name[0] != '.')
				put_thread(pids[i], e->d_name, out);
		if (dir)
			closedir(dir);
	}
}

bool gs_evidence_kernel(gs_folder *f, const gs_perf_facts *facts, gs_err *err)
{
	GS_AUTO(buf) symbols = { 0 };
	gs_str vdso = gs_vdso_bytes();
	bool ok = true;

	gs_buf_init(&symbols, 256 << 20);
	if (gs_kallsyms_select(facts->kernel_ips, facts->n_kernel_ips, &symbols))
		ok &= gs_folder_write(f, "kallsyms", gs_buf_view(&symbols), err);
	if (vdso.n)
		ok &= gs_folder_write(f, "vdso.so", vdso, err);
	return ok;
}
