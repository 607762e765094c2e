#include "format/goruntime/runtime.h"

#include "format/elf/buildinfo.h"
#include "base/banned.h"

enum {
	MAX_MODULES = 1024,
	PT_LOAD = 1,
	SEG_EXECUTE = 1,
	/* of runtime.moduledata, never moved */
	MD_PCHEADER = 0,
	MD_FUNCNAMES = 8,
	SAMPLE = 16, /* elements looked at to recognise a slice */
};

static uint64_t word(const gs_go_runtime *rt, uint64_t addr)
{
	return gs_go_u64(&rt->image, addr);
}

/* ---- modules ---- */

/* True for the descriptor of the module that holds the function table. */
static bool is_module(const gs_go_runtime *rt, uint64_t addr)
{
	uint64_t table = rt->pcln.addr + rt->bias;

	return word(rt, addr + MD_PCHEADER) == table &&
	       word(rt, addr + MD_FUNCNAMES) == table + (uint64_t)(rt->pcln.names.p - rt->pcln.bytes.p);
}

/* The whole words that the image has at *at or, over holes, behind it and before `end`; *n bytes. NULL: none. */
static const unsigned char *words_from(const gs_go_runtime *rt, uint64_t *at, uint64_t end, uint64_t *n)
{
	end &= ~(uint64_t)7;
	while (*at < end) {
		const unsigned char *p = rt->image.at(rt->image.ctx, *at, n);

		if (*n > end - *at)
			*n = end - *at;
		if (p && *n >= 8) {
			*n &= ~(uint64_t)7;
			return p;
		}
		*at += *n ? (*n + 7) & ~(uint64_t)7 : 8;
	}
	return NULL;
}

static bool find_module(gs_go_runtime *rt)
{
	uint64_t table = rt->pcln.addr + rt->bias;

	if (rt->v.firstmoduledata && is_module(rt, rt->v.firstmoduledata))
		return true;
	for (uint32_t i = 0; i < rt->exe->n_segments; i++) {
		const gs_elf_segment *g = &rt->exe->segments[i];
		uint64_t at = (g->addr + rt->bias + 7) & ~(uint64_t)7, end = g->addr + rt->bias + g->mem_size;
		const unsigned char *p;

		if (g->type != PT_LOAD || (g->flags & SEG_EXECUTE))
			continue;
		for (uint64_t n; (p = words_from(rt, &at, end, &n)) != NULL; at += n)
			for (uint64_t k = 0; k < n; k += 8)
				if (gs_go_load(p + k) == table && is_module(rt, at + k)) {
					rt->v.firstmoduledata = at + k;
					return true;
				}
	}
	return false;
}

static bool read_module(gs_go_runtime *rt, uint64_t addr, gs_go_moduledata *m)
{
	const gs_go_offsets *o = &rt->o;
#define AT(field) word(rt, addr + (uint64_t)(uint32_t)o->module_##field)
	*m = (gs_go_moduledata){
		.addr = addr, .text = AT(text), .etext = AT(etext), .data = AT(data), .edata = AT(edata),
		.bss = AT(bss), .ebss = AT(ebss), .noptrdata = AT(noptrdata), .enoptrdata = AT(enoptrdata),
		.noptrbss = AT(noptrbss), .enoptrbss = AT(enoptrbss), .types = AT(types), .etypes = AT(etypes),
		.rodata = AT(rodata), .gofunc = AT(gofunc),
	};
	/* bitvector { n int32; bytedata *uint8 } */
	m->data_bits = AT(gcdatamask) & UINT32_MAX;
	m->bss_bits = AT(gcbssmask) & UINT32_MAX;
#undef AT
	m->data_mask = word(rt, addr + (uint64_t)(uint32_t)o->module_gcdatamask + 8);
	m->bss_mask = word(rt, addr + (uint64_t)(uint32_t)o->module_gcbssmask + 8);
	return m->data <= m->edata && m->bss <= m->ebss && m->text < m->etext && m->types <= m->etypes &&
	       m->data_bits <= (m->edata - m->data) / 8 + 8 && m->bss_bits <= (m->ebss - m->bss) / 8 + 8;
}

static bool read_modules(gs_go_runtime *rt, gs_err *err)
{
	uint64_t addr;

	if (!find_module(rt))
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
			       "runtime.firstmoduledata is not in the image: is this the executable that ran?");
	rt->modules = gs_new(rt->mem, gs_go_moduledata, MAX_MODULES);
	for (addr = rt->v.firstmoduledata; addr && rt->n_modules < MAX_MODULES;
	     addr = word(rt, addr + (uint64_t)(uint32_t)rt->o.module_next)) {
		if (!read_module(rt, addr, &rt->modules[rt->n_modules])) {
			if (rt->n_modules)
				break; /* a plugin half loaded */
			return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
				       "runtime.moduledata at 0x%llx does not read as that of Go 1.%u: its layout is not what we know",
				       (unsigned long long)addr, rt->minor);
		}
		rt->n_modules++;
	}
	if (rt->modules[0].text != rt->pcln.text + rt->bias)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
			       "runtime.moduledata says that code starts at 0x%llx, the executable 0x%llx",
			       (unsigned long long)rt->modules[0].text, (unsigned long long)(rt->pcln.text + rt->bias));
	return true;
}

/* ---- variables of a stripped program, by what they look like ---- */

typedef struct slice {
	uint64_t p, n, cap;
} slice;

static bool read_slice(const gs_go_runtime *rt, uint64_t addr, slice *out)
{
	uint64_t last = 0;

	*out = (slice){ word(rt, addr), word(rt, addr + 8), word(rt, addr + 16) };
	if (out->p == 0 || (out->p & 7) || out->n == 0 || out->n > out->cap || out->cap > UINT32_MAX)
		return false;
	return rt->image.at(rt->image.ctx, out->p + 8 * (out->n - 1), &last) != NULL && last >= 8;
}

static bool is_span(const gs_go_runtime *rt, uint64_t mspan)
{
	const gs_go_offsets *o = &rt->o;
	uint64_t start = word(rt, mspan + (uint64_t)o->mspan_start), pages = word(rt, mspan + (uint64_t)o->mspan_npages);
	uint8_t state = gs_go_u8(&rt->image, mspan + (uint64_t)o->mspan_state);

	if (state == 0)
		return start % GS_GO_PAGE == 0;
	return state <= 2 && start && start % GS_GO_PAGE == 0 && pages && pages < (uint64_t)1 << 35 &&
	       start < (uint64_t)1 << 48;
}

static bool is_mheap(const gs_go_runtime *rt, uint64_t addr)
{
	slice spans, arenas;
	unsigned in_use = 0;

	if (!read_slice(rt, addr + (uint64_t)rt->o.mheap_allspans, &spans) ||
	    !read_slice(rt, addr + (uint64_t)rt->o.mheap_all_arenas, &arenas))
		return false;
	for (uint64_t i = 0; i < spans.n && i < SAMPLE; i++) {
		uint64_t s = word(rt, spans.p + 8 * i);

		if (!s || (s & 7) || !is_span(rt, s))
			return false;
		in_use += gs_go_u8(&rt->image, s + (uint64_t)rt->o.mspan_state) == 1;
	}
	return in_use > 0;
}

static bool is_allgs(const gs_go_runtime *rt, uint64_t addr)
{
	const gs_go_offsets *o = &rt->o;
	slice s;

	if (!read_slice(rt, addr, &s) || word(rt, word(rt, s.p) + (uint64_t)o->g_goid) != 1)
		return false;
	for (uint64_t i = 0; i < s.n && i < SAMPLE; i++) {
		uint64_t g = word(rt, s.p + 8 * i), lo = word(rt, g + (uint64_t)o->g_stack_lo),
			 hi = word(rt, g + (uint64_t)o->g_stack_hi);

		if (!g || (g & 7) || lo > hi || (hi && hi - lo < 2048) ||
		    (gs_go_u32(&rt->image, g + (uint64_t)o->g_status) & ~0x1000u) > 16)
			return false;
	}
	return true;
}

/* waitReasonStrings: the first is empty, the second well known. */
static bool is_wait_reasons(const gs_go_runtime *rt, uint64_t addr)
{
	static const char known[] = "GC assist marking";
	char text[sizeof(known) - 1];

	return word(rt, addr + 8) == 0 && word(rt, addr + 24) == sizeof(text) &&
	       gs_go_read(&rt->image, word(rt, addr + 16), text, sizeof(text)) && memcmp(text, known, sizeof(text)) == 0;
}

static uint64_t search(const gs_go_runtime *rt, bool (*is)(const gs_go_runtime *, uint64_t), uint64_t from, uint64_t to,
		       uint64_t inside)
{
	uint64_t at = (from + 7) & ~(uint64_t)7;
	const unsigned char *p;

	/* Nearly every word of these places is zero, and none of ours starts with one that is. */
	for (uint64_t n; (p = words_from(rt, &at, to, &n)) != NULL; at += n)
		for (uint64_t k = 0; k < n; k += 8)
			if (gs_go_load(p + k) && is(rt, at + k - inside))
				return at + k - inside;
	return 0;
}

static uint64_t search_module(const gs_go_runtime *rt, bool (*is)(const gs_go_runtime *, uint64_t), uint64_t inside)
{
	const gs_go_moduledata *m = &rt->modules[0];
	uint64_t at = search(rt, is, m->bss, m->ebss, inside);

	if (!at)
		at = search(rt, is, m->noptrbss, m->enoptrbss, inside);
	if (!at)
		at = search(rt, is, m->data, m->edata, inside);
	if (!at)
		at = search(rt, is, m->noptrdata, m->enoptrdata, inside);
	return at;
}

uint64_t gs_go_find_variable(const gs_go_runtime *rt, bool (*is)(const gs_go_runtime *, uint64_t))
{
	return search_module(rt, is, 0);
}

static bool find_variables(gs_go_runtime *rt, gs_err *err)
{
	if (!rt->v.mheap || !is_mheap(rt, rt->v.mheap))
		rt->v.mheap = search_module(rt, is_mheap, (uint64_t)rt->o.mheap_allspans);
	if (!rt->v.mheap)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
			       "no heap of Go 1.%u found in the image: the runtime's layout is not what we know, or the image lacks its data",
			       rt->minor);
	if (!rt->v.allgs || !is_allgs(rt, rt->v.allgs))
		rt->v.allgs = search_module(rt, is_allgs, 0);
	if (!rt->v.allgs)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "no goroutines of Go 1.%u found in the image", rt->minor);
	if (!rt->v.wait_reasons)
		rt->v.wait_reasons = search_module(rt, is_wait_reasons, 16);
	return true;
}

/* ---- */

static bool set_offsets(gs_go_runtime *rt, gs_str version, bool with_locations, gs_err *err)
{
	const gs_go_offsets *table = gs_go_offsets_table(rt->minor, rt->machine);
	unsigned oldest, newest;
	gs_err dwarf_err;

	if (rt->machine != GS_ELF_X86_64 && rt->machine != GS_ELF_AARCH64)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "heaps of amd64 and arm64 programs are read, not of machine %u",
			       rt->machine);
	gs_go_offsets_range(&oldest, &newest);
	if (rt->minor && rt->minor < oldest)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "the program was built by %.*s; heaps are read from Go 1.%u on",
			       GS_FMT(version), oldest);
	rt->dwarf = gs_go_dwarf_open(rt->exe, with_locations, &dwarf_err);
	if (rt->dwarf && !gs_go_dwarf_offsets(rt->dwarf, &rt->o, &rt->v, &dwarf_err))
		gs_go_runtime_close_dwarf(rt);
	if (!rt->dwarf) {
		if (!table)
			return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
				       "the program was built by %.*s, newer than what is known without its debug information (Go 1.%u): "
				       "give the executable with it",
				       GS_FMT(version), newest);
		rt->o = *table;
		gs_go_variables_symbols(rt->exe, &rt->v);
	}
	if (rt->bias) {
		uint64_t *v = (uint64_t *)&rt->v;

		for (size_t i = 0; i < sizeof(rt->v) / sizeof(*v); i++)
			if (v[i])
				v[i] += rt->bias;
	}
	return true;
}

static bool open_all(gs_go_runtime *rt, gs_elf *exe, bool with_locations, gs_err *err)
{
	gs_go_buildinfo info;

	if (!gs_elf_go_buildinfo(exe, &info, err))
		return false;
	rt->minor = info.minor;
	if (!gs_pclntab_locate(exe, info.minor, &rt->pcln, err) || !set_offsets(rt, info.go_version, with_locations, err) ||
	    !read_modules(rt, err) || !find_variables(rt, err))
		return false;
	rt->arenas = gs_try_new(rt->mem, gs_go_arena *, GS_GO_ARENAS);
	if (!rt->arenas)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	return gs_go_spans_read(rt, err);
}

bool gs_go_runtime_open(gs_arena *mem, const gs_go_mem *image, gs_elf *exe, uint64_t bias, bool with_locations, gs_go_runtime *out, gs_err *err)
{
	*out = (gs_go_runtime){ .mem = mem, .image = *image, .exe = exe, .bias = bias, .machine = exe->machine };
	if (open_all(out, exe, with_locations, err))
		return true;
	gs_go_runtime_close(out);
	return false;
}

void gs_go_runtime_close_dwarf(gs_go_runtime *rt)
{
	gs_go_dwarf_close(rt->dwarf);
	rt->dwarf = NULL;
}

void gs_go_runtime_close(gs_go_runtime *rt)
{
	gs_go_runtime_close_dwarf(rt);
	gs_map_release(&rt->mask_of);
	free(rt->masks);
	rt->masks = NULL;
	rt->n_masks = rt->cap_masks = 0;
}
