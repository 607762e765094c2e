#include "load/perf_places.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/pool.h"

#include "base/banned.h"

#define KERNEL_MAP "[kernel.kallsyms]" /* before the function's name */

enum {
	RECENT = 8192,
	PART_MIN = 2000, /* fewer places than this are not worth another thread */
	MAX_PARTS = 64,
	FUNCTIONS = 4096,
	MAX_MISSING_NOTES = 8,
};

/* ---- symbols ---- */

const char *gs_perf_places_beside(gs_arena *mem, gs_str path, const char *name)
{
	size_t slash = gs_str_rfind_char(path, '/');
	gs_str full = slash == SIZE_MAX ? gs_str_of(name) :
					  gs_strf(mem, "%.*s/%s", (int)slash, path.p, name);
	struct stat st;
	const char *z = gs_cstr(mem, full);

	return stat(z, &st) == 0 && S_ISREG(st.st_mode) ? z : NULL;
}

static bool differs(gs_str recorded, const char *here)
{
	return recorded.n && !gs_str_eq(recorded, gs_str_of(here));
}

static gs_str to_hex(gs_arena *mem, gs_str bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *text = gs_try_new(mem, char, 2 * bytes.n + 1);

	for (size_t i = 0; text && i < bytes.n; i++) {
		text[2 * i] = digits[(unsigned char)bytes.p[i] >> 4];
		text[2 * i + 1] = digits[bytes.p[i] & 15];
	}
	return (gs_str){ text, text ? 2 * bytes.n : 0 };
}

/* "[kernel.kallsyms]_text" in a map, "[kernel.kallsyms]" in the list of build ids. */
static bool is_same_file(gs_str a, gs_str b)
{
	static const gs_str kernel = { "[kernel.kallsyms]", 17 };

	return gs_str_eq(a, b) || (gs_str_starts(a, kernel) && gs_str_starts(b, kernel));
}

static gs_str build_id_of(const gs_perf_places *l, const gs_perf_map *map)
{
	if (map->build_id.n)
		return map->build_id;
	for (uint32_t i = 0; i < l->d->n_build_ids; i++)
		if (is_same_file(map->file, l->d->build_ids[i].file))
			return l->d->build_ids[i].id;
	return (gs_str){ 0 };
}

/* The kernel's own map, whose name and offset tell where one of its functions was; NULL when there is none. */
static const gs_perf_map *kernel_map(const gs_perf_places *l)
{
	gs_perf_process *kernel = gs_perf_process_of(l->processes, GS_PERF_KERNEL_PID);

	for (size_t i = 0; kernel && kernel->maps && i < kernel->maps->list.n; i++) {
		const gs_perf_map *m = &kernel->maps->list.p[i];

		if (gs_str_starts(m->file, GS_S(KERNEL_MAP)) && m->offset)
			return m;
	}
	return NULL;
}

/* A list of symbols that came along with the recording. */
static bool has_own_list(const gs_perf_places *l)
{
	return l->src->options->kallsyms.n || gs_perf_places_beside(l->scratch, l->path, "kallsyms");
}

static void open_symbols(gs_perf_places *l)
{
	gs_symbolizer_options o = { .kallsyms = gs_perf_places_beside(l->scratch, l->path, "kallsyms"), .kallsyms_text = l->src->options->kallsyms };
	const gs_perf_map *kernel = has_own_list(l) ? NULL : kernel_map(l);
	struct utsname here;

	if (uname(&here) == 0)
		o.is_foreign = differs(l->d->features[GS_PERFDATA_OSRELEASE], here.release) ||
			       differs(l->d->features[GS_PERFDATA_HOSTNAME], here.nodename) ||
			       differs(l->d->features[GS_PERFDATA_ARCH], here.machine);
	if (kernel)
		o.core = (gs_symbol_core){ .build_id = to_hex(l->scratch, build_id_of(l, kernel)),
					   .start = kernel->start,
					   .end = kernel->end,
					   .mark = kernel->offset,
					   .mark_name = gs_str_skip(kernel->file, sizeof(KERNEL_MAP) - 1) };
	l->symbols = gs_symbolizer_create(&o);
}

/*
 * The kernel's map tells where its first symbol was. When that address is inside of a function of this machine's list, the machine
 * was started again since (with another random layout), and all of its addresses would get wrong names.
 */
static bool is_kernel_moved(gs_perf_places *l)
{
	const gs_perf_map *m = has_own_list(l) ? NULL : kernel_map(l);
	gs_str at = m ? gs_symbolizer_kernel_function(l->symbols, m->offset) : (gs_str){ 0 };

	return at.n && gs_str_eq(at, gs_symbolizer_kernel_function(l->symbols, m->offset - 1));
}

/* Opened when the first address asks: in pipe mode the machine's name comes along with the records. */
static bool has_symbols(gs_perf_places *l)
{
	if (!l->symbols && !l->src->options->keep_addresses)
		open_symbols(l);
	return l->symbols;
}

/* ---- mappings ---- */

/* The profile's mapping for a map of some process; equal ones of other processes are the same. */
static uint32_t mapping_of(gs_perf_places *l, gs_perf_map *map, int32_t pid)
{
	char key[3 * 8 + 20];
	gs_str id, hex;
	gs_mapping m;
	gs_symbol_map *sm;
	uint32_t *slot;
	bool is_new;

	if (map->mapping)
		return map->mapping;
	m = (gs_mapping){ .start = map->start, .limit = map->end, .offset = map->offset };
	m.file = gs_profile_builder_str(l->b, map->file);
	if (m.file == GS_NO_ID)
		return GS_NO_ID;
	memcpy(key, &m.start, 8);
	memcpy(key + 8, &m.limit, 8);
	memcpy(key + 16, &m.offset, 8);
	memcpy(key + 24, &m.file, 4);
	slot = gs_slice_map_put(&l->mappings, gs_str_dup(l->scratch, (gs_str){ key, 28 }), &is_new);
	if (!slot)
		return GS_NO_ID;
	if (!is_new)
		return map->mapping = *slot;
	id = build_id_of(l, map);
	hex = to_hex(l->scratch, id);
	m.build_id = gs_profile_builder_str(l->b, hex);
	m.file_id = l->mappings.n;
	if (m.build_id == GS_NO_ID)
		return GS_NO_ID;
	*slot = gs_profile_builder_mapping(l->b, m);
	sm = *slot == GS_NO_ID ? NULL : gs_vec_push(&l->symbol_maps, INT32_MAX);
	if (!sm)
		return GS_NO_ID;
	*sm = (gs_symbol_map){ map->file, hex, map->start, map->end, map->offset, pid };
	return map->mapping = *slot;
}

/* ---- what is there ---- */

/* A place to look at, and what was found. */
typedef struct question {
	uint64_t address;
	uint32_t mapping, place;
} question;

typedef struct answer {
	uint32_t part, first, n;
} answer;

typedef struct naming {
	gs_perf_places *l;
	question *questions;
	uint32_t n_questions, n_parts;
	answer *answers; /* by place */
	GS_VEC(gs_symbol) found[MAX_PARTS];
	atomic_bool is_full;
	/* Functions of late, by the addresses of their names. */
	struct {
		gs_symbol like;
		uint32_t id;
	} functions[FUNCTIONS];
	GS_VEC(gs_frame) frames;
} naming;

static int by_address(const void *a, const void *b)
{
	const question *x = a, *y = b;

	if (x->mapping != y->mapping)
		return x->mapping < y->mapping ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Frames of an address, innermost first; 0: no name is known. */
static unsigned frames_at(gs_perf_places *l, gs_symbol_cursor *near, uint32_t mapping, uint64_t address, gs_symbol found[GS_SYMBOL_MAX_DEPTH])
{
	const gs_symbol_map *map = &l->symbol_maps.p[mapping];
	unsigned n = gs_symbolizer_frames_near(l->symbols, near, map, address, found, GS_SYMBOL_MAX_DEPTH);

	/* The signal trampoline is returned to without having called: one back lies in front of it. */
	return n ? n : gs_symbolizer_frames_near(l->symbols, near, map, address + 1, found, GS_SYMBOL_MAX_DEPTH);
}

/* A share of the questions, neighbours together: they have their function in common. */
static void ask_part(void *ctx, size_t part)
{
	naming *w = ctx;
	uint32_t from = (uint32_t)((uint64_t)w->n_questions * part / w->n_parts);
	uint32_t to = (uint32_t)((uint64_t)w->n_questions * (part + 1) / w->n_parts);
	gs_symbol found[GS_SYMBOL_MAX_DEPTH];
	gs_symbol_cursor near;

	gs_symbol_cursor_init(&near);
	qsort(w->questions + from, to - from, sizeof(*w->questions), by_address);
	for (uint32_t i = from; i < to; i++) {
		const question *q = &w->questions[i];
		unsigned n = frames_at(w->l, &near, q->mapping, q->address, found);

		w->answers[q->place] = (answer){ (uint32_t)part, (uint32_t)w->found[part].n, n };
		for (unsigned k = 0; k < n; k++) {
			gs_symbol *y = gs_vec_push(&w->found[part], INT32_MAX);

			if (!y) {
				atomic_store(&w->is_full, true);
				return;
			}
			*y = found[k];
		}
	}
}

/* The kernel's names come last: its list has had the time of all the rest to arrive. */
static bool ask_all(naming *w)
{
	gs_perf_places *l = w->l;
	size_t parts;

	w->answers = gs_try_new(l->scratch, answer, l->list.n);
	w->questions = gs_try_new(l->scratch, question, l->list.n);
	if (!w->answers || !w->questions)
		return false;
	for (uint32_t i = 0; i < l->list.n; i++)
		if (!l->list.p[i].is_kernel)
			w->questions[w->n_questions++] = (question){ l->list.p[i].address, l->list.p[i].mapping, i };
	if (!w->n_questions || !has_symbols(l))
		return true;
	parts = gs_pool_workers(l->src->options->threads, w->n_questions / PART_MIN);
	w->n_parts = (uint32_t)(parts < MAX_PARTS ? parts : MAX_PARTS);
	gs_pool_run(w->n_parts, w->n_parts, ask_part, w);
	return !w->is_full;
}

/* ---- into the profile ---- */

static bool is_same_text(gs_str a, gs_str b)
{
	return a.p == b.p && a.n == b.n;
}

static uint32_t function_of(naming *w, const gs_symbol *y)
{
	gs_profile_builder *b = w->l->b;
	size_t at = gs_hash_u64((uintptr_t)y->linker_name.p + 31 * (uint64_t)(uintptr_t)y->file.p) % FUNCTIONS;
	const gs_symbol *like = &w->functions[at].like;
	gs_function fn;

	if (w->functions[at].id && is_same_text(like->function, y->function) && is_same_text(like->linker_name, y->linker_name) &&
	    is_same_text(like->file, y->file) && like->start_line == y->start_line)
		return w->functions[at].id;
	fn = (gs_function){ .name = gs_profile_builder_str(b, y->function),
			    .system_name = gs_profile_builder_str(b, gs_symbol_system_name(y)),
			    .file = gs_profile_builder_str(b, y->file),
			    .start_line = y->start_line };
	if (fn.name == GS_NO_ID || fn.system_name == GS_NO_ID || fn.file == GS_NO_ID)
		return GS_NO_ID;
	w->functions[at].like = *y;
	w->functions[at].id = gs_profile_builder_function(b, fn);
	return w->functions[at].id;
}

static bool push_frame(naming *w, gs_frame frame)
{
	gs_frame *f = gs_vec_push(&w->frames, INT32_MAX);

	if (!f || frame.function == GS_NO_ID)
		return false;
	*f = frame;
	return true;
}

static bool push_user(naming *w, const answer *a)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const gs_symbol *y = &w->found[a->part].p[a->first + i];

		if (!push_frame(w, (gs_frame){ .function = function_of(w, y), .line = y->line }))
			return false;
	}
	return true;
}

/* Code of the kernel: a name is all that is known. */
static uint32_t kernel_function(naming *w, gs_str name)
{
	return function_of(w, &(gs_symbol){ .function = name });
}

/* Most of the kernel's are named later. */
static bool push_kernel(naming *w, uint32_t name)
{
	gs_profile_builder *b = w->l->b;
	uint32_t function = name ? kernel_function(w, gs_profile_str(gs_profile_builder_profile(b), name)) : 0;

	return push_frame(w, (gs_frame){ .function = function, .flags = GS_FRAME_KERNEL });
}

static bool make_locations(naming *w, uint32_t *out)
{
	gs_perf_places *l = w->l;

	for (uint32_t i = 0; i < l->list.n; i++) {
		const gs_perf_place *at = &l->list.p[i];
		uint32_t n;

		w->frames.n = 0;
		if (!(at->is_kernel ? push_kernel(w, at->name) : push_user(w, &w->answers[i])))
			return false;
		n = (uint32_t)w->frames.n;
		gs_profile_builder_mapping_resolved(l->b, at->mapping, w->frames.p, n);
		out[i + 1] = gs_profile_builder_location_intern(l->b, at->address, at->mapping, w->frames.p, n);
		if (out[i + 1] == GS_NO_ID)
			return false;
	}
	return true;
}

static bool name_kernel(naming *w, const uint32_t *locations)
{
	gs_perf_places *l = w->l;

	bool is_checked = false;

	for (uint32_t i = 0; i < l->list.n; i++) {
		const gs_perf_place *at = &l->list.p[i];
		gs_symbol_map map = l->symbol_maps.p[at->mapping];
		gs_symbol found;
		gs_frame line;

		if (!at->is_kernel || at->name)
			continue;
		if (!gs_symbolizer_has_core(l->symbols, at->address)) {
			if (!is_checked)
				l->is_kernel_moved = is_kernel_moved(l);
			is_checked = true;
			if (l->is_kernel_moved)
				continue;
		}
		if (!map.file.n)
			map.file = GS_S("[kernel.kallsyms]");
		if (!gs_symbolizer_frames(l->symbols, &map, at->address, &found, 1) &&
		    !gs_symbolizer_frames(l->symbols, &map, at->address + 1, &found, 1))
			continue;
		line = (gs_frame){ .function = kernel_function(w, found.function), .flags = GS_FRAME_KERNEL };
		if (line.function == GS_NO_ID)
			return false;
		gs_profile_builder_mapping_resolved(l->b, at->mapping, &line, 1);
		gs_profile_builder_location_name(l->b, locations[i + 1], line.function);
	}
	return true;
}

bool gs_perf_places_name(gs_perf_places *l, uint32_t *out)
{
	naming *w = gs_try_new(l->scratch, naming, 1);
	bool ok;

	if (!w)
		return false;
	w->l = l;
	out[0] = 0;
	ok = ask_all(w) && make_locations(w, out) && (!l->has_kernel || !l->symbols || name_kernel(w, out));
	gs_vec_release(&w->frames);
	for (unsigned i = 0; i < MAX_PARTS; i++)
		gs_vec_release(&w->found[i]);
	return ok;
}

void gs_perf_places_warn(gs_perf_places *l)
{
	unsigned n_missing = 0;

	if (l->is_kernel_moved)
		gs_profile_builder_warn(l->b, "the kernel was started again since the recording: "
					      "its functions stay unnamed");
	for (size_t i = 1; l->symbols && i < l->symbol_maps.n && n_missing < MAX_MISSING_NOTES; i++) {
		const gs_symbol_map *m = &l->symbol_maps.p[i];
		gs_err why;

		if (gs_symbol_is_kernel(m->file, m->start) || m->file.p == NULL || m->file.n == 0 || m->file.p[0] != '/' ||
		    gs_symbolizer_binary(l->symbols, m, &why))
			continue;
		gs_profile_builder_warn(l->b, "no symbols: %s", why.text);
		n_missing++;
	}
}

/* ---- numbers ---- */

/* What is digested to find a place again. */
typedef struct place_key {
	uint64_t address;
	uint32_t mapping, is_kernel;
} place_key;

/* BPF programs and trampolines tell their names themselves, at the time. */
static uint32_t name_told(gs_perf_places *l, uint64_t address)
{
	gs_perf_process *bpf = gs_perf_process_of(l->processes, GS_PERF_KSYMBOLS_PID);
	const gs_perf_map *map = bpf ? gs_perf_process_find(bpf, address) : NULL;

	return map ? gs_profile_builder_str(l->b, map->file) : 0;
}

/* 0: memory is out. */
static uint32_t find(gs_perf_places *l, int32_t owner, uint64_t address, bool is_kernel)
{
	gs_perf_process *p = gs_perf_process_of(l->processes, owner);
	gs_perf_map *map = p ? gs_perf_process_find(p, address) : NULL;
	uint32_t mapping = map ? mapping_of(l, map, p->pid) : 0, *slot;
	place_key key = { address, mapping, is_kernel };
	gs_perf_place *fresh;
	bool is_new;

	if (!p || mapping == GS_NO_ID)
		return 0;
	slot = gs_digest_map_put(&l->index, gs_digest_of(l->key, (gs_str){ (const char *)&key, sizeof(key) }), &is_new);
	if (!slot || !is_new)
		return slot ? *slot : 0;
	fresh = gs_vec_push(&l->list, INT32_MAX);
	if (!fresh)
		return 0;
	*fresh = (gs_perf_place){ .address = address, .mapping = mapping, .is_kernel = is_kernel };
	*slot = (uint32_t)l->list.n;
	if (is_kernel) {
		fresh->name = name_told(l, address);
		if (fresh->name == GS_NO_ID)
			return 0;
		l->has_kernel |= !fresh->name;
		if (!fresh->name && has_symbols(l))
			gs_symbolizer_read_kernel_ahead(l->symbols, address);
	}
	return *slot;
}

/* Most frames of a stack were in the one before: these need no search among maps and places. */
uint32_t gs_perf_places_at(gs_perf_places *l, int32_t pid, uint64_t address, bool is_kernel)
{
	int32_t owner = is_kernel ? GS_PERF_KERNEL_PID : pid;
	gs_perf_recent *r = &l->recent[gs_hash_u64(address + ((uint64_t)(uint32_t)owner << 48)) % RECENT];

	if (r->address != address || r->pid != owner || r->epoch != l->epoch)
		*r = (gs_perf_recent){ address, owner, l->epoch, find(l, owner, address, is_kernel) };
	return r->place;
}

void gs_perf_places_changed(gs_perf_places *l)
{
	l->epoch++;
}

bool gs_perf_places_init(gs_perf_places *l, const gs_load_source *src, gs_str path, gs_arena *scratch, gs_profile_builder *b,
			 const gs_perfdata *d, gs_perf_processes *processes, gs_digest_key *key)
{
	*l = (gs_perf_places){ .src = src, .path = path, .scratch = scratch, .b = b, .d = d, .processes = processes, .key = key };
	l->recent = gs_try_new(scratch, gs_perf_recent, RECENT);
	l->epoch = 1;
	return l->recent && gs_vec_push(&l->symbol_maps, 1);
}

void gs_perf_places_release(gs_perf_places *l)
{
	gs_slice_map_release(&l->mappings);
	gs_digest_map_release(&l->index);
	gs_vec_release(&l->symbol_maps);
	gs_vec_release(&l->list);
	gs_symbolizer_free(l->symbols);
}
