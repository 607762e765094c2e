#include "format/elf/elf.h"

#include "base/banned.h"

enum {
	PT_DYNAMIC = 2,
	DT_RELA = 7,
	DT_RELASZ = 8,
	DT_RELAENT = 9,
	DT_REL = 17,
	DT_RELSZ = 18,
	DT_RELENT = 19,
};

/* The relocation type that adds the load bias and nothing else. */
static uint32_t relative_type(const gs_elf *e)
{
	switch (e->machine) {
	case GS_ELF_AARCH64:
		return 1027;
	case GS_ELF_ARM:
		return 23;
	case GS_ELF_PPC64:
		return 22;
	case GS_ELF_S390:
		return 12;
	case GS_ELF_RISCV:
	case GS_ELF_LOONGARCH:
		return 3;
	default:
		return 8; /* 386 and x86-64 */
	}
}

typedef struct dyn_table {
	uint64_t addr, size, entry;
} dyn_table;

static void read_dynamic(const gs_elf *e, gs_str dyn, dyn_table *rela, dyn_table *rel)
{
	unsigned w = gs_elf_pointer_size(e);

	for (uint64_t at = 0; gs_peek_has(dyn, at, 2 * w); at += 2 * w) {
		uint64_t tag = gs_peek_ptr(dyn.p + at, w, e->is_big);
		uint64_t value = gs_peek_ptr(dyn.p + at + w, w, e->is_big);

		switch (tag) {
		case 0:
			return;
		case DT_RELA:
			rela->addr = value;
			break;
		case DT_RELASZ:
			rela->size = value;
			break;
		case DT_RELAENT:
			rela->entry = value;
			break;
		case DT_REL:
			rel->addr = value;
			break;
		case DT_RELSZ:
			rel->size = value;
			break;
		case DT_RELENT:
			rel->entry = value;
			break;
		default:
			break;
		}
	}
}

static int by_place(const void *a, const void *b)
{
	const gs_elf_reloc *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

bool gs_elf_load_relocs(gs_elf *e, gs_err *err)
{
	dyn_table rela = { 0 }, rel = { 0 };
	unsigned w = gs_elf_pointer_size(e);
	uint32_t relative = relative_type(e);
	gs_str table;
	uint64_t n;
	bool is_sorted = true;

	if (e->has_relocs || e->type != GS_ELF_DYN) {
		e->has_relocs = true;
		return true;
	}
	for (uint32_t i = 0; i < e->n_segments; i++)
		if (e->segments[i].type == PT_DYNAMIC)
			read_dynamic(e, gs_elf_at(e, e->segments[i].addr), &rela, &rel);
	e->has_relocs = true;
	/* REL keeps the addend in place, where gs_elf_pointer finds it without our help. */
	if (rela.addr == 0)
		return true;
	table = gs_elf_at(e, rela.addr);
	if (rela.entry < 3 * w)
		rela.entry = 3 * w;
	if (rela.size > table.n)
		rela.size = table.n;
	n = rela.size / rela.entry;
	e->relocs = gs_try_new(e->mem, gs_elf_reloc, (size_t)n);
	if (!e->relocs)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "ELF file with %llu relocations",
			       (unsigned long long)n);
	for (uint64_t i = 0; i < n; i++) {
		const char *p = table.p + i * rela.entry;
		uint64_t at = gs_peek_ptr(p, w, e->is_big);
		uint64_t info = gs_peek_ptr(p + w, w, e->is_big);
		uint64_t addend = gs_peek_ptr(p + 2 * w, w, e->is_big);

		if ((e->is_64 ? (uint32_t)info : (uint32_t)(info & 0xff)) != relative)
			continue;
		if (e->n_relocs && at < e->relocs[e->n_relocs - 1].at)
			is_sorted = false;
		e->relocs[e->n_relocs++] = (gs_elf_reloc){ at, addend };
	}
	if (!is_sorted)
		qsort(e->relocs, e->n_relocs, sizeof(*e->relocs), by_place);
	return true;
}

bool gs_elf_pointer(const gs_elf *e, uint64_t addr, uint64_t *out)
{
	unsigned w = gs_elf_pointer_size(e);
	gs_str at = gs_elf_at(e, addr);
	size_t lo = 0, hi = e->n_relocs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e->relocs[mid].at < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < e->n_relocs && e->relocs[lo].at == addr) {
		*out = e->relocs[lo].value;
		return true;
	}
	if (at.n < w)
		return false;
	*out = gs_peek_ptr(at.p, w, e->is_big);
	return true;
}
