#include "format/pclntab/pclntab.h"

#include "base/banned.h"

enum {
	PT_LOAD = 1,
	SEG_WRITE = 2,
	/* Words of runtime.moduledata that never moved since Go 1.16. */
	MD_PCHEADER = 0,
	MD_FUNCNAMES = 1,
	MD_MINPC = 20,
	MD_TEXT = 22,
	TRIES = 4096, /* functions looked at to judge where inline trees are */
	PROOFS = 48,  /* trees that must read well */
};

/* Word of moduledata that holds `gofunc`, where the function data of Go 1.18 and later counts from. Newest first. */
static const struct {
	uint8_t from_minor, word;
} gofunc_words[] = { { 27, 43 }, { 20, 40 }, { 18, 38 } };

static uint64_t word(const gs_elf *e, uint64_t addr, unsigned i)
{
	uint64_t v = 0;

	return gs_elf_pointer(e, addr + (uint64_t)i * gs_elf_pointer_size(e), &v) ? v : 0;
}

/* Is this runtime.moduledata of table `t`? Its first words are the table and the table's names. */
static bool is_moduledata(const gs_elf *e, const gs_pclntab *t, uint64_t addr)
{
	return word(e, addr, MD_PCHEADER) == t->addr &&
	       word(e, addr, MD_FUNCNAMES) == t->addr + (uint64_t)(t->names.p - t->bytes.p);
}

static bool scan_for_moduledata(const gs_elf *e, const gs_pclntab *t, gs_str bytes, uint64_t addr, uint64_t *out)
{
	unsigned w = gs_elf_pointer_size(e);

	for (uint64_t at = (0 - addr) & (w - 1u); gs_peek_has(bytes, at, w); at += w)
		if (gs_peek_ptr(bytes.p + at, w, e->is_big) == t->addr && is_moduledata(e, t, addr + at)) {
			*out = addr + at;
			return true;
		}
	return false;
}

static bool find_moduledata(const gs_elf *e, const gs_pclntab *t, uint64_t *out)
{
	static const char *const sections[] = { ".go.module", ".noptrdata", ".data" };

	for (unsigned i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		const gs_elf_section *s = gs_elf_section_find(e, gs_str_of(sections[i]));

		if (!s)
			continue;
		if (is_moduledata(e, t, s->addr)) {
			*out = s->addr;
			return true;
		}
		if (scan_for_moduledata(e, t, gs_elf_section_raw(e, s), s->addr, out))
			return true;
	}
	for (size_t i = 0; i < e->n_relocs; i++)
		if (e->relocs[i].value == t->addr && is_moduledata(e, t, e->relocs[i].at)) {
			*out = e->relocs[i].at;
			return true;
		}
	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *g = &e->segments[i];

		if (g->type == PT_LOAD && (g->flags & SEG_WRITE) &&
		    scan_for_moduledata(e, t, gs_str_slice(gs_elf_at(e, g->addr), 0, (size_t)g->file_size), g->addr,
					out))
			return true;
	}
	return false;
}

static uint32_t tree_offset(const gs_pclntab *t, const gs_pclntab_func *f)
{
	if (t->inl_funcdata >= f->n_funcdata)
		return UINT32_MAX;
	return gs_peek_u32(t->funcs.p + f->funcdata_at + 4u * t->inl_funcdata, t->is_big);
}

/*
 * Do inline trees read well from `base` on? A name starts behind a NUL, a parent lies inside its function. The linker of C leaves
 * a few trees odd (of functions it dropped), so a clear majority decides.
 */
static bool is_inline_base(const gs_elf *e, const gs_pclntab *t, uint64_t base)
{
	gs_str bytes = gs_elf_at(e, base);
	unsigned good = 0, bad = 0;
	bool is_modern = t->layout >= GS_PCLNTAB_GO120;

	if (bytes.n == 0)
		return false;
	for (uint32_t i = 0; i < t->n_funcs && i < TRIES && good + bad < PROOFS; i++) {
		gs_pclntab_func f;
		uint32_t off, name, parent;

		if (!gs_pclntab_func_get(t, i, &f))
			continue;
		off = tree_offset(t, &f);
		if (off == UINT32_MAX)
			continue;
		if (!gs_peek_has(bytes, off, t->inl_entry_bytes)) {
			bad++;
			continue;
		}
		name = gs_peek_u32(bytes.p + off + (is_modern ? 4 : 12), t->is_big);
		parent = gs_peek_u32(bytes.p + off + (is_modern ? 8 : 16), t->is_big);
		if (name < t->names.n && (name == 0 || t->names.p[name - 1] == 0) && t->names.p[name] != 0 &&
		    parent < f.end - f.entry)
			good++;
		else
			bad++;
	}
	return bad * 4 <= good;
}

static void set_inline_base(const gs_elf *e, gs_pclntab *t, uint64_t base)
{
	t->inline_base = base;
	t->inline_bytes = gs_elf_at(e, base);
}

/* Go 1.18 and later: text start and inline trees from moduledata, else from symbols. */
static bool finish_modern(const gs_elf *e, unsigned go_minor, gs_pclntab *t, gs_err *err)
{
	gs_elf_symbol sym;
	uint64_t md, base;

	gs_elf_pointer(e, t->addr + 8 + 2 * (uint64_t)t->ptr_size, &t->text);
	if (find_moduledata(e, t, &md)) {
		unsigned first = 0;

		if (word(e, md, MD_TEXT) != 0)
			t->text = word(e, md, MD_TEXT);
		while (go_minor && first < 2 && go_minor < gofunc_words[first].from_minor)
			first++;
		if (is_inline_base(e, t, word(e, md, gofunc_words[first].word))) {
			set_inline_base(e, t, word(e, md, gofunc_words[first].word));
			return true;
		}
		/* A development version, or no build info: try each place that it might have. */
		for (unsigned i = 36; i < 52; i++) {
			base = word(e, md, i);
			if (base && is_inline_base(e, t, base)) {
				set_inline_base(e, t, base);
				return true;
			}
		}
	}
	if (gs_elf_symbol_named(e, t->layout == GS_PCLNTAB_GO118 ? GS_S("go.func.*") : GS_S("go:func.*"), &sym) &&
	    is_inline_base(e, t, sym.addr))
		set_inline_base(e, t, sym.addr);
	if (t->text == 0) {
		const gs_elf_section *text = gs_elf_section_find(e, GS_S(".text"));

		if (gs_elf_symbol_named(e, GS_S("runtime.text"), &sym))
			t->text = sym.addr;
		else if (text)
			t->text = text->addr;
		else
			return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
				       "a Go function table without its module data: where code starts is not known");
	}
	return true;
}

/* Before Go 1.18 the table holds absolute pointers; in a PIE they wait for the loader. Do its work on a copy. */
static bool relocate(const gs_elf *e, gs_pclntab *t, gs_err *err)
{
	char *copy;
	gs_str old = t->bytes;

	if (e->n_relocs == 0)
		return true;
	copy = gs_try_new(e->mem, char, old.n);
	if (!copy)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no room to relocate a pclntab of %zu bytes", old.n);
	memcpy(copy, old.p, old.n);
	for (size_t i = 0; i < e->n_relocs; i++) {
		uint64_t at = e->relocs[i].at - t->addr, v = e->relocs[i].value;

		if (!gs_peek_has(old, at, t->ptr_size))
			continue;
		for (unsigned b = 0; b < t->ptr_size; b++)
			copy[at + b] = (char)(v >> 8 * (t->is_big ? t->ptr_size - 1u - b : b));
	}
	return gs_pclntab_open((gs_str){ copy, old.n }, t->addr, t, err);
}

static bool finish_old(const gs_elf *e, unsigned go_minor, gs_pclntab *t, gs_err *err)
{
	unsigned narrow = 0, wide = 0;

	if (!relocate(e, t, err))
		return false;
	if (go_minor == 0 && t->layout == GS_PCLNTAB_GO12) {
		/* No build info: before Go 1.13. Until 1.11 a count of function data is a small 32-bit number,
		 * in 1.12 it is the last byte of that word, behind the function's id. */
		unsigned w = t->ptr_size;

		for (uint32_t i = 0; i < t->n_funcs && i < TRIES; i++) {
			uint64_t at = gs_peek_ptr(t->functab.p + (uint64_t)i * 2 * w + w, w, t->is_big);

			if (!gs_peek_has(t->funcs, at, w + 32))
				continue;
			narrow += t->funcs.p[at + w + 31] != 0;
			wide += t->funcs.p[at + w + 28] != 0;
		}
		if (t->is_big ? wide : narrow)
			go_minor = 12;
		else
			go_minor = 11;
	}
	gs_pclntab_set_go(t, go_minor);
	for (uint32_t i = 0; i < t->n_funcs && i < TRIES; i++) {
		gs_pclntab_func f;
		uint64_t p;

		if (!gs_pclntab_func_get(t, i, &f) || t->inl_funcdata >= f.n_funcdata)
			continue;
		p = gs_peek_ptr(t->funcs.p + f.funcdata_at + (uint64_t)t->ptr_size * t->inl_funcdata, t->ptr_size,
				t->is_big);
		for (uint32_t k = 0; p && k < e->n_segments; k++) {
			const gs_elf_segment *g = &e->segments[k];

			if (g->type == PT_LOAD && p >= g->addr && p - g->addr < g->file_size) {
				set_inline_base(e, t, g->addr);
				return true;
			}
		}
	}
	return true;
}

static bool try_at(gs_elf *e, unsigned go_minor, gs_str bytes, uint64_t addr, gs_pclntab *out, gs_err *err)
{
	if (!gs_pclntab_open(bytes, addr, out, err))
		return false;
	if (out->ptr_size != gs_elf_pointer_size(e) || out->is_big != e->is_big)
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "pclntab of another machine");
	if (!gs_elf_load_relocs(e, err))
		return false;
	gs_pclntab_set_go(out, go_minor);
	return out->layout >= GS_PCLNTAB_GO118 ? finish_modern(e, go_minor, out, err) :
						 finish_old(e, go_minor, out, err);
}

bool gs_pclntab_locate(gs_elf *e, unsigned go_minor, gs_pclntab *out, gs_err *err)
{
	static const char *const sections[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	gs_elf_symbol sym;

	*out = (gs_pclntab){ 0 };
	for (unsigned i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		const gs_elf_section *s = gs_elf_section_find(e, gs_str_of(sections[i]));

		if (s && gs_pclntab_is(gs_elf_section_raw(e, s)))
			return try_at(e, go_minor, gs_elf_section_raw(e, s), s->addr, out, err);
	}
	if (gs_elf_symbol_named(e, GS_S("runtime.pclntab"), &sym) && gs_pclntab_is(gs_elf_at(e, sym.addr)))
		return try_at(e, go_minor, gs_elf_at(e, sym.addr), sym.addr, out, err);
	/* Stripped, and the linker of C has merged the section away: look for a header that leads to a whole table. */
	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *g = &e->segments[i];
		gs_str bytes = g->type == PT_LOAD ? gs_elf_at(e, g->addr) : (gs_str){ 0 };

		for (uint64_t at = -g->addr & 7u; gs_peek_has(bytes, at, 16); at += 8) {
			gs_err ignored;

			if (bytes.p[at + 4] == 0 && gs_pclntab_is(gs_str_skip(bytes, at)) &&
			    try_at(e, go_minor, gs_str_skip(bytes, at), g->addr + at, out, &ignored))
				return true;
		}
	}
	*out = (gs_pclntab){ 0 };
	return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no Go function table in this file");
}
