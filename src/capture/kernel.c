#include "capture/kernel.h"

#include <elf.h>
#include <sys/auxv.h>

#include "base/file.h"
#include "base/rd.h"
#include "capture/proc_text.h"
#include "base/banned.h"

enum { MAX_KALLSYMS = 256 << 20 };

bool gs_cpu_list_parse(gs_str text, int *out, size_t max, size_t *n)
{
	*n = 0;
	text = gs_str_trim(text);
	while (text.n) {
		gs_str part, from, to;
		uint64_t a, b;
		bool is_range;

		(void)gs_str_cut(text, ',', &part, &text);
		is_range = gs_str_cut(part, '-', &from, &to);
		if (!gs_str_u64(from, 10, &a) || !gs_str_u64(is_range ? to : from, 10, &b) || b < a || b > 1 << 20)
			return false;
		for (uint64_t cpu = a; cpu <= b && *n < max; cpu++)
			out[(*n)++] = (int)cpu;
	}
	return *n > 0;
}

size_t gs_cpus_online(int *out, size_t max)
{
	GS_AUTO(file) f = { 0 };
	size_t n = 0;

	if (gs_file_read("/sys/devices/system/cpu/online", 65536, &f, NULL) && gs_cpu_list_parse(f.bytes, out, max, &n))
		return n;
	out[0] = 0;
	return 1;
}

int64_t gs_kernel_number(const char *path, int64_t absent)
{
	GS_AUTO(file) f = { 0 };
	int64_t v;

	return gs_file_read(path, 4096, &f, NULL) && gs_str_i64(gs_str_trim(f.bytes), &v) ? v : absent;
}

/* "ffffffff81000000 T _text\t[module]" */
static bool kallsyms_line(gs_str line, uint64_t *addr, char *type, gs_str *name)
{
	gs_str a, t, rest;

	if (!gs_str_cut(line, ' ', &a, &rest) || !gs_str_cut(rest, ' ', &t, name) || t.n != 1 || !gs_str_u64(a, 16, addr))
		return false;
	*type = t.p[0];
	(void)gs_str_cut(*name, '\t', name, &rest);
	return true;
}

bool gs_kernel_text(uint64_t *start, uint64_t *end)
{
	GS_AUTO(file) f = { 0 };
	gs_str rest, line, name;
	uint64_t addr;
	char type;

	*start = *end = 0;
	if (!gs_file_read("/proc/kallsyms", MAX_KALLSYMS, &f, NULL))
		return false;
	rest = f.bytes;
	while (gs_str_line(&rest, &line) && !*end) {
		if (!kallsyms_line(line, &addr, &type, &name))
			continue;
		if (gs_str_eq(name, GS_S("_text")) || (!*start && gs_str_eq(name, GS_S("_stext"))))
			*start = addr;
		else if (gs_str_eq(name, GS_S("_etext")))
			*end = addr;
	}
	return *start && *end > *start;
}

typedef struct ksym {
	uint64_t addr;
	gs_str line;
} ksym;

static int by_addr(const void *a, const void *b)
{
	const ksym *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static int by_u64(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	return (x > y) - (x < y);
}

bool gs_kallsyms_select(const uint64_t *ips, size_t n, gs_buf *out)
{
	GS_AUTO(file) f = { 0 };
	GS_VEC(ksym) all = { 0 };
	gs_str rest, line, name;
	uint64_t addr, *sorted = NULL;
	size_t last = SIZE_MAX, k = 0;
	char type;

	if (!n || !gs_file_read("/proc/kallsyms", MAX_KALLSYMS, &f, NULL))
		return false;
	rest = f.bytes;
	while (gs_str_line(&rest, &line)) {
		ksym *s;

		if (!kallsyms_line(line, &addr, &type, &name) || addr == 0 || !strchr("tTwW", type))
			continue;
		s = gs_vec_push(&all, 16 << 20);
		if (!s)
			break;
		*s = (ksym){ addr, line };
	}
	sorted = malloc(n * sizeof(*sorted));
	if (all.n && sorted) {
		qsort(all.p, all.n, sizeof(*all.p), by_addr);
		memcpy(sorted, ips, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), by_u64);
		for (size_t i = 0; i < n; i++) {
			while (k + 1 < all.n && all.p[k + 1].addr <= sorted[i])
				k++;
			if (all.p[k].addr > sorted[i] || k == last)
				continue;
			/* All names of one address, and where the function ends. */
			size_t from = k, to = k + 1;

			while (from > 0 && all.p[from - 1].addr == all.p[k].addr)
				from--;
			if (last != SIZE_MAX && from <= last)
				from = last + 1;
			for (; from <= to && from < all.n; from++) {
				gs_buf_str(out, all.p[from].line);
				gs_buf_c(out, '\n');
				last = from;
			}
			last = k;
		}
	}
	free(sorted);
	gs_vec_release(&all);
	return last != SIZE_MAX;
}

bool gs_module_next(gs_str *rest, gs_str *name, uint64_t *start, uint64_t *size)
{
	gs_str line;

	while (gs_str_line(rest, &line)) {
		gs_str words[6] = { 0 };
		size_t n = 0;

		while (line.n && n < 6)
			(void)gs_str_cut(line, ' ', &words[n++], &line);
		if (n == 6 && words[0].n && gs_str_u64(words[1], 10, size) && gs_str_starts(words[5], GS_S("0x")) &&
		    gs_str_u64(gs_str_skip(words[5], 2), 16, start) && *start) {
			*name = words[0];
			return true;
		}
	}
	return false;
}

gs_str gs_kernel_build_id(char out[64])
{
	GS_AUTO(file) f = { 0 };
	gs_rd r;

	if (!gs_file_read("/sys/kernel/notes", 1 << 20, &f, NULL))
		return (gs_str){ 0 };
	r = gs_rd_of(f.bytes);
	while (gs_rd_left(&r) >= 12) {
		uint32_t n_name = gs_rd_u32le(&r), n_desc = gs_rd_u32le(&r), type = gs_rd_u32le(&r);
		gs_str name = gs_rd_bytes(&r, ((uint64_t)n_name + 3) & ~3ull), desc = gs_rd_bytes(&r, ((uint64_t)n_desc + 3) & ~3ull);

		if (r.bad)
			break;
		if (type == 3 && n_name == 4 && memcmp(name.p, "GNU", 4) == 0 && n_desc <= 64) {
			memcpy(out, desc.p, n_desc);
			return (gs_str){ out, n_desc };
		}
	}
	return (gs_str){ 0 };
}

gs_str gs_vdso_bytes(void)
{
	unsigned long base = getauxval(AT_SYSINFO_EHDR);
	GS_AUTO(file) f = { 0 };
	gs_proc_map m;
	gs_str rest;

	if (!base || !gs_file_read("/proc/self/maps", 64 << 20, &f, NULL))
		return (gs_str){ 0 };
	rest = f.bytes;
	while (gs_proc_map_next(&rest, &m))
		if (m.start == base && m.is_read)
			return (gs_str){ (const char *)base, (size_t)(m.limit - m.start) };
	return (gs_str){ 0 };
}
