#include "format/elf/elf.h"

#include "base/banned.h"

enum {
	SHT_SYMTAB = 2,
	SHT_DYNSYM = 11,
	STT_NOTYPE = 0,
	STT_OBJECT = 1,
	STT_FUNC = 2,
	STT_GNU_IFUNC = 10,
	SHF_EXECINSTR = 4,
	SHN_UNDEF = 0,
	SHN_LORESERVE = 0xff00,
	MAX_NAME = 1 << 16,
};

typedef struct table {
	gs_str syms, names;
	uint64_t n;
	unsigned entry;
} table;

static bool table_of(const gs_elf *e, uint32_t type, table *out)
{
	for (uint32_t i = 0; i < e->n_sections; i++) {
		const gs_elf_section *s = &e->sections[i];

		if (s->type != type || s->link >= e->n_sections)
			continue;
		out->syms = gs_elf_section_raw(e, s);
		out->names = gs_elf_section_raw(e, &e->sections[s->link]);
		out->entry = e->is_64 ? 24 : 16;
		out->n = out->syms.n / out->entry;
		if (out->n > 1) /* number 0 is always there and means nothing */
			return true;
	}
	return false;
}

typedef struct raw_symbol {
	uint32_t name;
	uint8_t info;
	uint16_t section;
	uint64_t addr, size;
} raw_symbol;

static raw_symbol read_symbol(const gs_elf *e, const table *t, uint64_t i)
{
	const char *p = t->syms.p + i * t->entry;

	if (e->is_64)
		return (raw_symbol){ gs_peek_u32(p, e->is_big), (uint8_t)p[4], gs_peek_u16(p + 6, e->is_big),
				     gs_peek_u64(p + 8, e->is_big), gs_peek_u64(p + 16, e->is_big) };
	return (raw_symbol){ gs_peek_u32(p, e->is_big), (uint8_t)p[12], gs_peek_u16(p + 14, e->is_big),
			     gs_peek_u32(p + 4, e->is_big), gs_peek_u32(p + 8, e->is_big) };
}

static bool is_code(const gs_elf *e, const raw_symbol *r)
{
	unsigned type = r->info & 15;

	if (r->section == SHN_UNDEF || r->section >= SHN_LORESERVE || r->section >= e->n_sections)
		return false;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	return type == STT_NOTYPE && (e->sections[r->section].flags & SHF_EXECINSTR);
}

/* By address; at the same address the one that says more (a size, a function type) comes last, where _at looks. */
static int by_address(const void *a, const void *b)
{
	const gs_elf_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if ((x->type == STT_FUNC) != (y->type == STT_FUNC))
		return x->type == STT_FUNC ? 1 : -1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return -gs_str_cmp(x->name, y->name);
}

static bool is_placed(const gs_elf *e, const raw_symbol *r)
{
	unsigned type = r->info & 15;

	return r->section != SHN_UNDEF && r->section < SHN_LORESERVE && r->section < e->n_sections &&
	       (type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC || type == STT_GNU_IFUNC);
}

/* $x, $d, $a and $t of arm mark code and data; they name nothing. */
static bool is_mapping(const gs_elf *e, gs_str name)
{
	return (e->machine == GS_ELF_ARM || e->machine == GS_ELF_AARCH64) && name.n >= 2 && name.p[0] == '$' &&
	       (name.n == 2 || name.p[2] == '.');
}

static bool load(const gs_elf *e, gs_arena *mem, bool (*is_wanted)(const gs_elf *, const raw_symbol *),
		 gs_elf_symbols *out, gs_err *err)
{
	table t;
	size_t n = 0;

	*out = (gs_elf_symbols){ 0 };
	if (!table_of(e, SHT_SYMTAB, &t) && !table_of(e, SHT_DYNSYM, &t))
		return true;
	for (uint64_t i = 1; i < t.n; i++) {
		raw_symbol r = read_symbol(e, &t, i);

		n += is_wanted(e, &r);
	}
	out->list = gs_try_new(mem, gs_elf_symbol, n);
	if (!out->list)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "ELF file with %zu symbols", n);
	for (uint64_t i = 1; i < t.n; i++) {
		raw_symbol r = read_symbol(e, &t, i);
		gs_elf_symbol s = { r.addr, r.size, { 0 }, r.info & 15 };

		if (!is_wanted(e, &r))
			continue;
		s.name = gs_peek_cstr(t.names, r.name, MAX_NAME);
		if (s.name.n == 0 || is_mapping(e, s.name))
			continue;
		if (e->machine == GS_ELF_ARM && s.type == STT_FUNC)
			s.addr &= ~UINT64_C(1);
		out->list[out->n++] = s;
	}
	qsort(out->list, out->n, sizeof(*out->list), by_address);
	return true;
}

bool gs_elf_symbols_load(const gs_elf *e, gs_arena *mem, gs_elf_symbols *out, gs_err *err)
{
	return load(e, mem, is_code, out, err);
}

bool gs_elf_symbols_load_all(const gs_elf *e, gs_arena *mem, gs_elf_symbols *out, gs_err *err)
{
	return load(e, mem, is_placed, out, err);
}

const gs_elf_symbol *gs_elf_symbol_at(const gs_elf_symbols *s, uint64_t addr)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) { /* first one above addr */
		size_t mid = lo + (hi - lo) / 2;

		if (s->list[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return NULL;
	/* A sized symbol around us wins over labels inside it; a few steps back are enough. */
	for (size_t i = lo, steps = 0; i > 0 && steps < 32; i--, steps++) {
		const gs_elf_symbol *c = &s->list[i - 1];

		if (c->size ? addr - c->addr < c->size : c->type == STT_FUNC || steps == 0)
			return c;
	}
	return NULL;
}

bool gs_elf_symbol_named(const gs_elf *e, gs_str name, gs_elf_symbol *out)
{
	static const uint32_t kinds[] = { SHT_SYMTAB, SHT_DYNSYM };

	for (unsigned k = 0; k < 2; k++) {
		table t;

		if (!table_of(e, kinds[k], &t))
			continue;
		for (uint64_t i = 1; i < t.n; i++) {
			raw_symbol r = read_symbol(e, &t, i);

			if (r.section == SHN_UNDEF || !gs_peek_has(t.names, r.name, name.n + 1) ||
			    memcmp(t.names.p + r.name, name.p, name.n) != 0 || t.names.p[r.name + name.n] != 0)
				continue;
			*out = (gs_elf_symbol){ r.addr, r.size, name, r.info & 15 };
			return true;
		}
	}
	return false;
}
