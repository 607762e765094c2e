#include "capture/evidence.h"

#include "base/file.h"
#include "capture/kernel.h"
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
