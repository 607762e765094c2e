#include "format/pclntab/pclntab.h"

#include "base/banned.h"

enum {
	MAGIC_GO12 = 0xfb,
	MAGIC_GO116 = 0xfa,
	MAGIC_GO118 = 0xf0,
	MAGIC_GO120 = 0xf1,
	MAX_NAME = 1 << 20, /* generic instantiations get long */
	MAX_FUNCDATA = 255,
	MAX_PCDATA = 255,
};

static uint32_t u32_at(const gs_pclntab *t, gs_str s, uint64_t at)
{
	return gs_peek_has(s, at, 4) ? gs_peek_u32(s.p + at, t->is_big) : 0;
}

static uint64_t ptr_at(const gs_pclntab *t, gs_str s, uint64_t at)
{
	return gs_peek_has(s, at, t->ptr_size) ? gs_peek_ptr(s.p + at, t->ptr_size, t->is_big) : 0;
}

bool gs_pclntab_is(gs_str b)
{
	const unsigned char *p = (const unsigned char *)b.p;
	unsigned char kind;

	if (b.n < 16)
		return false;
	if (p[1] == 0xff && p[2] == 0xff && p[3] == 0xff)
		kind = p[0];
	else if (p[0] == 0xff && p[1] == 0xff && p[2] == 0xff)
		kind = p[3];
	else
		return false;
	return (kind == MAGIC_GO12 || kind == MAGIC_GO116 || kind == MAGIC_GO118 || kind == MAGIC_GO120) &&
	       p[4] == 0 && p[5] == 0 && (p[6] == 1 || p[6] == 2 || p[6] == 4) && (p[7] == 4 || p[7] == 8);
}

/* The part of the table that the header's word `i` (counted from byte 8) points to. */
static bool part(const gs_pclntab *t, unsigned i, gs_str *out, gs_err *err)
{
	uint64_t off = ptr_at(t, t->bytes, 8 + (uint64_t)i * t->ptr_size);

	if (off >= t->bytes.n)
		return gs_fail(err, GS_ERR_FORMAT, 8 + (uint64_t)i * t->ptr_size,
			       "pclntab: part %u starts beyond the table's end", i);
	*out = gs_str_skip(t->bytes, off);
	return true;
}

static unsigned functab_field(const gs_pclntab *t)
{
	return t->layout >= GS_PCLNTAB_GO118 ? 4 : t->ptr_size;
}

bool gs_pclntab_open(gs_str bytes, uint64_t addr, gs_pclntab *out, gs_err *err)
{
	gs_pclntab t = { .bytes = bytes, .addr = addr };
	unsigned char kind;
	uint64_t n, need;
	unsigned at;

	*out = t;
	if (!gs_pclntab_is(bytes))
		return gs_fail(err, GS_ERR_FORMAT, 0, "not a Go function table (pclntab)");
	t.is_big = (unsigned char)bytes.p[0] == 0xff && (unsigned char)bytes.p[3] != 0xff;
	kind = (unsigned char)bytes.p[t.is_big ? 3 : 0];
	t.quantum = (uint8_t)bytes.p[6];
	t.ptr_size = (uint8_t)bytes.p[7];
	n = ptr_at(&t, bytes, 8);
	switch (kind) {
	case MAGIC_GO12:
		t.layout = GS_PCLNTAB_GO12;
		break;
	case MAGIC_GO116:
		t.layout = GS_PCLNTAB_GO116;
		break;
	case MAGIC_GO118:
		t.layout = GS_PCLNTAB_GO118;
		break;
	default:
		t.layout = GS_PCLNTAB_GO120;
		break;
	}
	if (t.layout == GS_PCLNTAB_GO12) {
		/* One flat table: everything counts from its start. */
		t.names = t.pcs = t.funcs = bytes;
		t.functab = gs_str_skip(bytes, 8u + t.ptr_size);
	} else {
		at = t.layout >= GS_PCLNTAB_GO118 ? 3 : 2;
		if (t.layout >= GS_PCLNTAB_GO118)
			t.text = ptr_at(&t, bytes, 8 + 2u * t.ptr_size);
		if (!part(&t, at, &t.names, err) || !part(&t, at + 1, &t.cus, err) ||
		    !part(&t, at + 2, &t.files, err) || !part(&t, at + 3, &t.pcs, err) ||
		    !part(&t, at + 4, &t.funcs, err))
			return false;
		t.functab = t.funcs;
	}
	need = 2 * functab_field(&t);
	if (n == 0 || n >= UINT32_MAX || t.functab.n < need || n > (t.functab.n - functab_field(&t)) / need)
		return gs_fail(err, GS_ERR_FORMAT, 8, "pclntab: %llu functions do not fit into the table",
			       (unsigned long long)n);
	t.n_funcs = (uint32_t)n;
	t.functab = gs_str_slice(t.functab, 0, (size_t)(n * need + functab_field(&t)));
	if (t.layout == GS_PCLNTAB_GO12) {
		/* Behind the function table: end pc, then the file table's offset. */
		uint64_t off = u32_at(&t, bytes, 8u + t.ptr_size + t.functab.n);

		if (off >= bytes.n)
			return gs_fail(err, GS_ERR_FORMAT, off, "pclntab: file table starts beyond the table's end");
		t.files = gs_str_skip(bytes, off);
	}
	gs_pclntab_set_go(&t, 0);
	*out = t;
	return true;
}

void gs_pclntab_set_go(gs_pclntab *t, unsigned go_minor)
{
	/* The number of each special function, by the Go version that shuffled them (cmd/internal/objabi/funcid.go). */
	static const struct {
		uint8_t from_minor, gopanic, sigpanic, panicwrap, wrapper;
	} ids[] = {
		{ 25, 10, 20, 15, 23 }, { 22, 10, 19, 15, 22 }, { 18, 9, 18, 14, 21 }, { 17, 9, 19, 15, 22 },
		{ 14, 18, 9, 19, 22 },	{ 12, 18, 9, 19, 20 },	{ 0, 255, 255, 255, 255 },
	};
	unsigned i = 0;

	if (go_minor == 0) {
		static const uint8_t guess[] = { 15, 17, 19, 99 };

		go_minor = guess[t->layout];
	}
	while (go_minor < ids[i].from_minor)
		i++;
	t->id_gopanic = ids[i].gopanic;
	t->id_sigpanic = ids[i].sigpanic;
	t->id_panicwrap = ids[i].panicwrap;
	t->id_wrapper = ids[i].wrapper;
	t->inl_pcdata = 2;
	t->inl_funcdata = 3;
	t->inl_entry_bytes = t->layout >= GS_PCLNTAB_GO120 ? 16 : 20;
	t->has_old_counts = false;
	if (t->layout == GS_PCLNTAB_GO12) {
		t->inl_pcdata = go_minor >= 13 ? 2 : 1;
		t->inl_funcdata = go_minor >= 13 ? 4 : 2;
		t->inl_entry_bytes = go_minor >= 12 ? 20 : 16;
		t->has_old_counts = go_minor < 12;
	}
}

static uint64_t functab_entry(const gs_pclntab *t, uint64_t i)
{
	unsigned w = functab_field(t);

	/* i <= n_funcs and open() checked the size. */
	return gs_peek_ptr(t->functab.p + i * 2 * w, w, t->is_big);
}

uint32_t gs_pclntab_find(const gs_pclntab *t, uint64_t pc)
{
	uint64_t want = pc - (t->layout >= GS_PCLNTAB_GO118 ? t->text : 0);
	uint32_t lo = 0, hi = t->n_funcs;

	if (t->n_funcs == 0 || want < functab_entry(t, 0) || want >= functab_entry(t, t->n_funcs))
		return GS_PCLNTAB_NONE;
	while (hi - lo > 1) { /* entry[lo] <= want < entry[hi] */
		uint32_t mid = lo + (hi - lo) / 2;

		if (functab_entry(t, mid) <= want)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

uint32_t gs_pclntab_find_after(const gs_pclntab *t, uint32_t from, uint64_t pc)
{
	uint64_t want = pc - (t->layout >= GS_PCLNTAB_GO118 ? t->text : 0);
	uint32_t step = 1, lo = from, hi = from;

	/* entry[lo] <= want: strides that double, then halve what is left. */
	while (lo < t->n_funcs && (hi = t->n_funcs - lo > step ? lo + step : t->n_funcs, functab_entry(t, hi) <= want)) {
		lo = hi;
		step *= 2;
	}
	if (lo >= t->n_funcs)
		return GS_PCLNTAB_NONE;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (functab_entry(t, mid) <= want)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

bool gs_pclntab_func_get(const gs_pclntab *t, uint32_t index, gs_pclntab_func *out)
{
	gs_pclntab_func f = { 0 };
	unsigned w = functab_field(t);
	uint64_t base = t->layout >= GS_PCLNTAB_GO118 ? t->text : 0;
	uint64_t at, head, counts_at, after;
	gs_str fs = t->funcs;
	const char *p;

	if (index >= t->n_funcs)
		return false;
	f.entry = base + functab_entry(t, index);
	f.end = base + functab_entry(t, (uint64_t)index + 1);
	at = gs_peek_ptr(t->functab.p + (uint64_t)index * 2 * w + w, w, t->is_big);
	head = w; /* the entry is the first field and as wide as in the function table */
	counts_at = head + (t->layout == GS_PCLNTAB_GO12 ? 28 : t->layout == GS_PCLNTAB_GO120 ? 36 : 32);
	if (at > fs.n || !gs_peek_has(fs, at, counts_at + 4))
		return false;
	p = fs.p + at + head;
	f.name = gs_peek_cstr(t->names, gs_peek_u32(p, t->is_big), MAX_NAME);
	f.args = (int32_t)gs_peek_u32(p + 4, t->is_big);
	f.deferreturn = gs_peek_u32(p + 8, t->is_big);
	f.pcsp = gs_peek_u32(p + 12, t->is_big);
	f.pcfile = gs_peek_u32(p + 16, t->is_big);
	f.pcln = gs_peek_u32(p + 20, t->is_big);
	f.n_pcdata = gs_peek_u32(p + 24, t->is_big);
	if (t->layout >= GS_PCLNTAB_GO116)
		f.cu = gs_peek_u32(p + 28, t->is_big);
	if (t->layout >= GS_PCLNTAB_GO120)
		f.start_line = gs_peek_u32(p + 32, t->is_big);
	p = fs.p + at + counts_at;
	if (t->has_old_counts) {
		f.n_funcdata = gs_peek_u32(p, t->is_big);
	} else {
		f.id = (uint8_t)p[0];
		f.flags = (uint8_t)p[1];
		f.n_funcdata = (uint8_t)p[3];
		f.is_wrapper = f.id == t->id_wrapper;
	}
	if (f.n_pcdata > MAX_PCDATA || f.n_funcdata > MAX_FUNCDATA)
		return false;
	after = at + counts_at + 4;
	f.pcdata_at = (uint32_t)after;
	after += 4 * (uint64_t)f.n_pcdata;
	if (t->layout < GS_PCLNTAB_GO118) { /* pointers, aligned in memory */
		uint64_t in_memory = t->addr + (uint64_t)(fs.p - t->bytes.p) + after;

		after += -in_memory & (t->ptr_size - 1u);
	}
	f.funcdata_at = (uint32_t)after;
	if (!gs_peek_has(fs, after, (uint64_t)f.n_funcdata * (t->layout >= GS_PCLNTAB_GO118 ? 4 : t->ptr_size)))
		return false;
	*out = f;
	return true;
}

uint32_t gs_pclntab_pcdata(const gs_pclntab *t, const gs_pclntab_func *f, uint32_t i)
{
	return i < f->n_pcdata ? u32_at(t, t->funcs, (uint64_t)f->pcdata_at + 4 * (uint64_t)i) : 0;
}

uint32_t gs_pclntab_funcdata(const gs_pclntab *t, const gs_pclntab_func *f, uint32_t i)
{
	if (t->layout < GS_PCLNTAB_GO118 || i >= f->n_funcdata)
		return GS_PCLNTAB_NONE;
	return u32_at(t, t->funcs, (uint64_t)f->funcdata_at + 4 * (uint64_t)i);
}

static gs_str file_name(const gs_pclntab *t, const gs_pclntab_func *f, int32_t number)
{
	uint32_t off;
	gs_str name;

	if (number < 0)
		return GS_S("?");
	if (t->layout == GS_PCLNTAB_GO12) {
		if ((uint32_t)number >= u32_at(t, t->files, 0))
			return GS_S("?");
		name = gs_peek_cstr(t->bytes, u32_at(t, t->files, 4 * (uint64_t)number), MAX_NAME);
	} else {
		off = gs_peek_has(t->cus, 4 * ((uint64_t)f->cu + (uint32_t)number), 4) ?
			      u32_at(t, t->cus, 4 * ((uint64_t)f->cu + (uint32_t)number)) :
			      UINT32_MAX;
		name = off == UINT32_MAX ? (gs_str){ 0 } : gs_peek_cstr(t->files, off, MAX_NAME);
	}
	return name.n ? name : GS_S("?");
}

static void set_line(const gs_pclntab *t, gs_pclntab_place *at, uint64_t pc, gs_pclntab_frame *out)
{
	int32_t file = gs_pclntab_walk_to(t, &at->file, pc);
	int32_t line = gs_pclntab_walk_to(t, &at->line, pc);

	if (file < 0 || line < 0) {
		out->file = GS_S("?");
		return;
	}
	if (!at->file_name.p || file != at->file_number || at->func.cu != at->file_cu) {
		at->file_number = file;
		at->file_cu = at->func.cu;
		at->file_name = file_name(t, &at->func, file);
	}
	out->file = at->file_name;
	out->line = (uint32_t)line;
}

/* The function's inline tree: entries from *at in t->inline_bytes. */
static bool inline_tree(const gs_pclntab *t, const gs_pclntab_func *f, uint64_t *at)
{
	if (t->inline_bytes.n == 0 || t->inl_funcdata >= f->n_funcdata)
		return false;
	if (t->layout >= GS_PCLNTAB_GO118) {
		uint32_t off = u32_at(t, t->funcs, (uint64_t)f->funcdata_at + 4u * t->inl_funcdata);

		*at = off;
		return off != UINT32_MAX;
	}
	*at = ptr_at(t, t->funcs, (uint64_t)f->funcdata_at + (uint64_t)t->ptr_size * t->inl_funcdata);
	if (*at == 0)
		return false;
	*at -= t->inline_base;
	return true;
}

static bool is_elided(const gs_pclntab *t, uint8_t id, uint8_t callee)
{
	return id == t->id_wrapper && callee != t->id_gopanic && callee != t->id_sigpanic &&
	       callee != t->id_panicwrap;
}

/* Go 1.11 and before: the tree holds parent, file and line of each call. */
static unsigned old_frames(const gs_pclntab *t, gs_pclntab_place *place, uint64_t pc, uint64_t tree, int32_t index,
			   gs_pclntab_frame *out, unsigned max)
{
	const gs_pclntab_func *f = &place->func;
	unsigned n = 0;
	gs_pclntab_frame at = { 0 };

	set_line(t, place, pc, &at);
	while (index >= 0 && n + 1 < max) {
		uint64_t e = tree + (uint64_t)index * 16;

		if (!gs_peek_has(t->inline_bytes, e, 16))
			break;
		out[n] = at;
		out[n].name = gs_peek_cstr(t->names, u32_at(t, t->inline_bytes, e + 12), MAX_NAME);
		out[n].is_inlined = true;
		n++;
		at.file = file_name(t, f, (int32_t)u32_at(t, t->inline_bytes, e + 4));
		at.line = u32_at(t, t->inline_bytes, e + 8);
		index = (int32_t)u32_at(t, t->inline_bytes, e);
	}
	out[n] = at;
	out[n].name = f->name;
	return n + 1;
}

void gs_pclntab_place_init(gs_pclntab_place *at)
{
	at->file_name.p = NULL;
	memset(at->names, 0, sizeof(at->names));
}

void gs_pclntab_place_set(const gs_pclntab *t, gs_pclntab_place *at)
{
	const gs_pclntab_func *f = &at->func;

	gs_pclntab_walk_start(&at->file, f->pcfile, f->entry);
	gs_pclntab_walk_start(&at->line, f->pcln, f->entry);
	gs_pclntab_walk_start(&at->inlined, gs_pclntab_pcdata(t, f, t->inl_pcdata), f->entry);
}

unsigned gs_pclntab_frames(const gs_pclntab *t, const gs_pclntab_func *f, uint64_t pc, gs_pclntab_frame *out,
			   unsigned max)
{
	gs_pclntab_place at;

	gs_pclntab_place_init(&at);
	at.func = *f;
	gs_pclntab_place_set(t, &at);
	return gs_pclntab_place_frames(t, &at, pc, out, max);
}

/* Small functions are inlined in many places. */
static gs_str inlined_name(const gs_pclntab *t, gs_pclntab_place *at, uint32_t offset)
{
	unsigned i = offset * 0x9e3779b9u >> 27;

	if (!at->names[i].name.p || at->names[i].offset != offset) {
		at->names[i].name = gs_peek_cstr(t->names, offset, MAX_NAME);
		at->names[i].offset = offset;
	}
	return at->names[i].name;
}

unsigned gs_pclntab_place_frames(const gs_pclntab *t, gs_pclntab_place *at, uint64_t pc, gs_pclntab_frame *out,
				 unsigned max)
{
	const gs_pclntab_func *f = &at->func;
	bool is_modern = t->layout >= GS_PCLNTAB_GO120;
	uint64_t tree;
	uint8_t callee = 0;
	unsigned n = 0, depth = 0;
	uint64_t pcs[GS_PCLNTAB_MAX_DEPTH + 1]; /* beside out */

	if (max == 0)
		return 0;
	if (at->inlined.table && inline_tree(t, f, &tree)) {
		int32_t index = gs_pclntab_walk_to(t, &at->inlined, pc);

		if (t->inl_entry_bytes == 16 && !is_modern)
			return old_frames(t, at, pc, tree, index, out, max);
		for (; index >= 0 && n + 1 < max && depth < GS_PCLNTAB_MAX_DEPTH; depth++) {
			uint64_t e = tree + (uint64_t)index * t->inl_entry_bytes;
			uint8_t id;

			if (!gs_peek_has(t->inline_bytes, e, t->inl_entry_bytes))
				break;
			id = (uint8_t)t->inline_bytes.p[e + (is_modern ? 0 : 2)];
			if (!is_elided(t, id, callee)) {
				uint32_t name = u32_at(t, t->inline_bytes, e + (is_modern ? 4 : 12));

				out[n] = (gs_pclntab_frame){ .name = inlined_name(t, at, name),
							     .is_inlined = true,
							     .is_wrapper = id == t->id_wrapper };
				if (is_modern)
					out[n].start_line = u32_at(t, t->inline_bytes, e + 12);
				pcs[n++] = pc;
			}
			callee = id;
			pc = f->entry + u32_at(t, t->inline_bytes, e + (is_modern ? 8 : 16));
			index = gs_pclntab_walk_to(t, &at->inlined, pc);
		}
	}
	if (n && is_elided(t, f->id, callee)) {
		/* The innermost of the rest is what the processor is in. */
		out[n - 1].is_inlined = false;
	} else {
		out[n] = (gs_pclntab_frame){ .name = f->name, .start_line = f->start_line, .is_wrapper = f->is_wrapper };
		pcs[n++] = pc;
	}
	/* A call lies in front of what was inlined there: this way the tables of lines are read forwards. */
	for (unsigned i = n; i-- > 0;)
		set_line(t, at, pcs[i], &out[i]);
	return n;
}
