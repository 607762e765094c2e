#include "load/symbolize.h"

#include <glob.h>
#include <pthread.h>
#include <sys/auxv.h>

#include "format/kallsyms/kallsyms.h"
#include "base/banned.h"

enum {
	MAX_BINARIES = 1 << 16,
	MAX_NOTES_BYTES = 1 << 16,
	VDSO_MAX_BYTES = 1 << 16,
};
#define KALLSYMS_MAX_BYTES ((uint64_t)256 << 20)
#define KERNEL_START (UINT64_C(1) << 63)

typedef struct slot {
	gs_str file, build_id;
	gs_binary *binary; /* NULL: not to be had */
	gs_err why;
} slot;

struct gs_symbolizer {
	gs_arena *mem;
	gs_str root;
	GS_VEC(gs_str) dirs;
	const char *kallsyms_path;
	gs_str kallsyms_text; /* instead of it */
	bool is_foreign;
	const gs_symbol_file *files;
	unsigned n_files;

	pthread_mutex_t lock;
	GS_VEC(slot *) slots;

	pthread_mutex_t kernel_lock; /* of all below */
	gs_arena *kernel_mem;
	bool has_tried_kernel;
	gs_kallsyms kernel;
	gs_err kernel_why;
	gs_symbol_core core_of;
	bool has_tried_core;
	gs_kallsyms core;
	/* Threads that read the one and the other. */
	bool is_kernel_read_ahead, is_core_read_ahead;
	pthread_t kernel_reader, core_reader;
};

static void add_dirs(gs_symbolizer *s, gs_str list)
{
	gs_str one, rest = list;

	while (rest.n) {
		gs_str *d;

		gs_str_cut(rest, ':', &one, &rest);
		if (one.n && (d = gs_vec_push(&s->dirs, 256)))
			*d = gs_str_dup(s->mem, one);
	}
}

gs_symbolizer *gs_symbolizer_create(const gs_symbolizer_options *o)
{
	static const gs_symbolizer_options none;
	gs_arena *mem = gs_arena_create((uint64_t)1 << 30);
	gs_symbolizer *s = gs_new(mem, gs_symbolizer, 1);
	const char *env = getenv("PPROF_BINARY_PATH"), *home = getenv("HOME");

	if (!o)
		o = &none;
	s->mem = mem;
	s->root = gs_str_dup(mem, gs_str_of(o->root));
	s->kallsyms_path = gs_cstr(mem, o->kallsyms ? gs_str_of(o->kallsyms) : GS_S("/proc/kallsyms"));
	s->is_foreign = o->is_foreign;
	s->files = o->files;
	s->n_files = o->n_files;
	if (o->is_foreign && !o->kallsyms)
		s->kallsyms_path = NULL;
	s->kallsyms_text = gs_str_dup(mem, o->kallsyms_text);
	s->core_of = o->core;
	s->core_of.build_id = gs_str_dup(mem, o->core.build_id);
	s->core_of.mark_name = gs_str_dup(mem, o->core.mark_name);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->kernel_lock, NULL);
	s->kernel_mem = gs_arena_create((uint64_t)1 << 30);
	for (unsigned i = 0; o->dirs && o->dirs[i]; i++)
		add_dirs(s, gs_str_of(o->dirs[i]));
	if (env && *env)
		add_dirs(s, gs_str_of(env));
	else if (home && *home)
		add_dirs(s, gs_strf(mem, "%s/pprof/binaries", home));
	return s;
}

void gs_symbolizer_free(gs_symbolizer *s)
{
	if (!s)
		return;
	if (s->is_kernel_read_ahead)
		pthread_join(s->kernel_reader, NULL);
	if (s->is_core_read_ahead)
		pthread_join(s->core_reader, NULL);
	for (size_t i = 0; i < s->slots.n; i++)
		gs_binary_close(s->slots.p[i]->binary);
	gs_vec_release(&s->slots);
	gs_vec_release(&s->dirs);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->kernel_lock);
	gs_arena_free(s->kernel_mem);
	gs_arena_free(s->mem); /* the symbolizer itself lives there */
}

bool gs_symbol_is_kernel(gs_str file, uint64_t addr)
{
	if (gs_str_starts(file, GS_S("[kernel.")) || gs_str_starts(file, GS_S("[guest.kernel")) ||
	    gs_str_eq(file, GS_S("[kernel]")))
		return true;
	return addr >= KERNEL_START && !gs_str_eq(file, GS_S("[vsyscall]"));
}

/* ---- finding binaries ---- */

typedef struct search {
	gs_symbolizer *s;
	const gs_symbol_map *map;
	gs_binary *found;
	gs_err *err;
	bool has_other_build; /* err says which */
} search;

static bool is_same_build(const gs_binary *b, gs_str id)
{
	gs_str gnu = gs_elf_gnu_build_id(gs_binary_elf(b)), go = gs_elf_go_build_id(gs_binary_elf(b));

	/* No id on either side proves nothing; Go profiles carry the Go build id when there is no GNU one. */
	if (id.n == 0 || (gnu.n == 0 && go.n == 0))
		return true;
	return gs_str_eq(id, gs_binary_build_id(b)) || gs_str_eq(id, go);
}

static bool try_path(search *q, const char *path)
{
	gs_err err;
	gs_binary *b;

	if (q->found)
		return true;
	b = gs_binary_open(path, &err);
	if (!b) {
		/* The most telling reason: the file is there, but ... */
		if (err.code != GS_ERR_MISSING && !q->has_other_build && q->err)
			*q->err = err;
		return false;
	}
	if (!is_same_build(b, q->map->build_id)) {
		q->has_other_build = true;
		gs_fail(q->err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%s is another build (%.*s, recorded was %.*s)", path,
			GS_FMT(gs_binary_build_id(b)), GS_FMT(q->map->build_id));
		gs_binary_close(b);
		return false;
	}
	q->found = b;
	return true;
}

__attribute__((format(printf, 2, 3))) static bool try_f(search *q, const char *fmt, ...)
{
	GS_AUTO(buf) b = { 0 };
	va_list ap;

	gs_buf_init(&b, 1 << 16);
	va_start(ap, fmt);
	gs_buf_vf(&b, fmt, ap);
	va_end(ap);
	gs_buf_c(&b, 0);
	return !b.bad && try_path(q, b.p);
}

static gs_str base_of(gs_str path)
{
	size_t slash = gs_str_rfind_char(path, '/');

	return slash == SIZE_MAX ? path : gs_str_skip(path, slash + 1);
}

/* A build id becomes part of a path: letters, digits and a few marks only. */
static bool is_path_safe(gs_str id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      c == '-'))
			return false;
	}
	return id.n > 2;
}

static bool try_glob(search *q, gs_str dir, gs_str id)
{
	GS_AUTO(buf) b = { 0 };
	glob_t g;
	bool ok = false;

	gs_buf_init(&b, 1 << 16);
	gs_buf_f(&b, "%.*s/%.*s/*", GS_FMT(dir), GS_FMT(id));
	gs_buf_c(&b, 0);
	if (b.bad || glob(b.p, 0, NULL, &g) != 0)
		return false;
	for (size_t i = 0; i < g.gl_pathc && i < 16 && !ok; i++)
		ok = try_path(q, g.gl_pathv[i]);
	globfree(&g);
	return ok;
}

/* The layouts that pprof knows below a directory of PPROF_BINARY_PATH. */
static bool try_dir(search *q, gs_str d)
{
	gs_str file = q->map->file, base = base_of(file), id = q->map->build_id;
	gs_str dir = gs_str_slice(file, 0, file.n - base.n);

	if (is_path_safe(id)) {
		if (try_f(q, "%.*s/%.*s/%.*s", GS_FMT(d), GS_FMT(id), GS_FMT(base)) || try_glob(q, d, id) ||
		    try_f(q, "%.*s/%.*s/%.*s", GS_FMT(d), GS_FMT(file), GS_FMT(id)) ||
		    try_f(q, "%.*s/%.2s/%.*s.debug", GS_FMT(d), id.p, GS_FMT(gs_str_skip(id, 2))))
			return true;
	}
	if (file.n == 0)
		return false;
	return try_f(q, "%.*s/%.*s", GS_FMT(d), GS_FMT(base)) || try_f(q, "%.*s/%.*s", GS_FMT(d), GS_FMT(file)) ||
	       try_f(q, "%.*s/%.*s.debug", GS_FMT(d), GS_FMT(file)) ||
	       try_f(q, "%.*s/%.*s/.debug/%.*s.debug", GS_FMT(d), GS_FMT(dir), GS_FMT(base)) ||
	       try_f(q, "%.*s/usr/lib/debug/%.*s/%.*s.debug", GS_FMT(d), GS_FMT(dir), GS_FMT(base));
}

static gs_binary *own_vdso(search *q)
{
	const char *p = (const char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	uint64_t size;
	gs_binary *b;

	if (!p || q->s->is_foreign || memcmp(p, "\177ELF\002", 5) != 0) {
		gs_fail(q->err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no [vdso] of the recorded machine at hand");
		return NULL;
	}
	/* Its section headers come last. */
	size = gs_peek_u64(p + 40, false) + (uint64_t)gs_peek_u16(p + 58, false) * gs_peek_u16(p + 60, false);
	if (size < 64 || size > VDSO_MAX_BYTES)
		size = 4096;
	b = gs_binary_of((gs_str){ p, (size_t)size }, GS_S(""), q->err);
	if (b && !is_same_build(b, q->map->build_id)) {
		gs_fail(q->err, GS_ERR_MISSING, GS_ERR_NOWHERE, "[vdso] is of another kernel than this machine's");
		gs_binary_close(b);
		return NULL;
	}
	return b;
}

static gs_binary *locate(gs_symbolizer *s, const gs_symbol_map *map, gs_err *err)
{
	search q = { s, map, NULL, err, false };
	const char *home = getenv("HOME");
	gs_str id = map->build_id, file = map->file;

	gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s is not on this machine", GS_FMT(file));
	if (gs_str_starts(file, GS_S("[vdso]")) || gs_str_has(file, GS_S("linux-vdso")))
		return own_vdso(&q);
	/* Anonymous memory, JIT code, devices. */
	if (gs_str_starts(file, GS_S("[")) || gs_str_starts(file, GS_S("//anon")) ||
	    gs_str_starts(file, GS_S("/memfd:")) || gs_str_starts(file, GS_S("/dev/"))) {
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s is no file", GS_FMT(file));
		return NULL;
	}
	if (gs_str_ends(file, GS_S(" (deleted)")))
		file = gs_str_slice(file, 0, file.n - 10);
	for (unsigned i = 0; i < s->n_files && !q.found; i++)
		if (gs_str_eq(file, gs_str_of(s->files[i].path)))
			try_path(&q, s->files[i].open_path);
	for (size_t i = 0; i < s->dirs.n && !q.found; i++)
		try_dir(&q, s->dirs.p[i]);
	/* On another machine the same path is another file, unless its build id says otherwise. */
	if (!q.found && file.n && (!s->is_foreign || id.n))
		try_f(&q, "%.*s%.*s", GS_FMT(s->root), GS_FMT(file));
	/* In a container, or replaced since it was started. */
	if (!q.found && map->pid > 0 && !s->is_foreign) {
		try_f(&q, "/proc/%d/root%.*s", (int)map->pid, GS_FMT(file));
		if (!q.found && id.n)
			try_f(&q, "/proc/%d/exe", (int)map->pid);
	}
	if (!q.found && is_path_safe(id))
		try_f(&q, "%.*s/usr/lib/debug/.build-id/%.2s/%.*s.debug", GS_FMT(s->root), id.p,
		      GS_FMT(gs_str_skip(id, 2)));
	if (!q.found && is_path_safe(id) && home) /* perf's cache */
		try_f(&q, "%s/.debug/.build-id/%.2s/%.*s/elf", home, id.p, GS_FMT(gs_str_skip(id, 2)));
	return q.found;
}

gs_binary *gs_symbolizer_binary(gs_symbolizer *s, const gs_symbol_map *map, gs_err *err)
{
	slot *found = NULL, **place;

	pthread_mutex_lock(&s->lock);
	for (size_t i = s->slots.n; i-- > 0 && !found;)
		if (gs_str_eq(s->slots.p[i]->file, map->file) && gs_str_eq(s->slots.p[i]->build_id, map->build_id))
			found = s->slots.p[i];
	if (!found && (place = gs_vec_push(&s->slots, MAX_BINARIES))) {
		gs_str file = gs_str_dup(s->mem, map->file), id = gs_str_dup(s->mem, map->build_id);

		found = *place = gs_new(s->mem, slot, 1);
		*found = (slot){ .file = file, .build_id = id };
		found->binary = locate(s, map, &found->why);
	}
	pthread_mutex_unlock(&s->lock);
	if (!found) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "more than %d binaries", MAX_BINARIES);
		return NULL;
	}
	if (!found->binary && err)
		*err = found->why;
	return found->binary;
}

bool gs_binary_addr_of(const gs_binary *b, const gs_symbol_map *map, uint64_t addr, uint64_t *out)
{
	const gs_elf *e = gs_binary_elf(b);

	if (map->start && addr >= map->start && (map->limit == 0 || addr < map->limit)) {
		if (gs_elf_addr_of_offset(e, addr - map->start + map->offset, out))
			return true;
		/* [vdso]: all of the image is one mapping. */
		if (map->offset == 0 && e->type == GS_ELF_DYN) {
			*out = addr - map->start;
			return true;
		}
	}
	*out = addr;
	return e->type == GS_ELF_EXEC;
}

/* A list that is read once. The kernel is locked. */
static bool open_list(gs_symbolizer *s, const char *path, gs_kallsyms *out, gs_err *err)
{
	gs_file file;

	if (!gs_file_open(path, KALLSYMS_MAX_BYTES, &file, err))
		return false;
	return gs_kallsyms_open(s->kernel_mem, gs_file_keep(&file, s->kernel_mem), out, err) || gs_err_context(err, "%s", path);
}

static bool kernel_open(gs_symbolizer *s, gs_err *err)
{
	bool ok;

	pthread_mutex_lock(&s->kernel_lock);
	if (!s->has_tried_kernel) {
		s->has_tried_kernel = true;
		if (s->kallsyms_text.n)
			gs_kallsyms_open(s->kernel_mem, s->kallsyms_text, &s->kernel, &s->kernel_why);
		else if (!s->kallsyms_path)
			gs_fail(&s->kernel_why, GS_ERR_MISSING, GS_ERR_NOWHERE,
				"kernel functions: recorded on another machine, and no symbol list came along");
		else
			open_list(s, s->kallsyms_path, &s->kernel, &s->kernel_why);
	}
	ok = s->kernel.n != 0;
	if (!ok && err)
		*err = s->kernel_why;
	pthread_mutex_unlock(&s->kernel_lock);
	return ok;
}

/* What perf kept of the build when it recorded it, if that lay where the recorded one did. */
static void open_core(gs_symbolizer *s)
{
	const gs_symbol_core *c = &s->core_of;
	const char *home = getenv("HOME");
	gs_str path;
	gs_err ignored;

	if (!home || !is_path_safe(c->build_id))
		return;
	path = gs_strf(s->kernel_mem, "%s/.debug/.build-id/%.2s/%.*s/kallsyms", home, c->build_id.p, GS_FMT(gs_str_skip(c->build_id, 2)));
	if (!open_list(s, path.p, &s->core, &ignored) || !gs_kallsyms_has(&s->core, c->mark, c->mark_name))
		s->core = (gs_kallsyms){ 0 };
}

static bool is_in_core(const gs_symbolizer *s, uint64_t addr)
{
	return addr >= s->core_of.start && addr < s->core_of.end;
}

bool gs_symbolizer_has_core(gs_symbolizer *s, uint64_t addr)
{
	bool ok;

	if (!is_in_core(s, addr))
		return false;
	pthread_mutex_lock(&s->kernel_lock);
	if (!s->has_tried_core) {
		s->has_tried_core = true;
		open_core(s);
	}
	ok = s->core.n != 0;
	pthread_mutex_unlock(&s->kernel_lock);
	return ok;
}

static void *read_kernel(void *arg)
{
	kernel_open(arg, NULL);
	return NULL;
}

static void *read_core(void *arg)
{
	gs_symbolizer *s = arg;

	if (!gs_symbolizer_has_core(s, s->core_of.start))
		kernel_open(s, NULL);
	return NULL;
}

void gs_symbolizer_read_kernel_ahead(gs_symbolizer *s, uint64_t addr)
{
	if (is_in_core(s, addr)) {
		if (!s->is_core_read_ahead)
			s->is_core_read_ahead = pthread_create(&s->core_reader, NULL, read_core, s) == 0;
	} else if (!s->is_kernel_read_ahead) {
		s->is_kernel_read_ahead = pthread_create(&s->kernel_reader, NULL, read_kernel, s) == 0;
	}
}

gs_str gs_symbolizer_kernel_function(gs_symbolizer *s, uint64_t addr)
{
	const gs_kallsym *k = kernel_open(s, NULL) ? gs_kallsyms_at(&s->kernel, addr) : NULL;

	return k ? k->name : (gs_str){ 0 };
}

static unsigned kernel_frames(gs_symbolizer *s, uint64_t addr, gs_symbol *out)
{
	const gs_kallsym *k = gs_symbolizer_has_core(s, addr) ? gs_kallsyms_at(&s->core, addr) : NULL;
	gs_str name = k ? k->name : gs_symbolizer_kernel_function(s, addr);

	*out = (gs_symbol){ .function = name, .linker_name = name };
	return name.n != 0;
}

void gs_symbol_cursor_init(gs_symbol_cursor *at)
{
	at->map = NULL;
	at->binary = NULL;
	gs_binary_cursor_init(&at->near);
}

unsigned gs_symbolizer_frames_near(gs_symbolizer *s, gs_symbol_cursor *at, const gs_symbol_map *map, uint64_t addr, gs_symbol *out,
				   unsigned max)
{
	uint64_t own;

	if (max == 0)
		return 0;
	if (gs_symbol_is_kernel(map->file, addr))
		return kernel_frames(s, addr, out);
	if (at->map != map) {
		gs_binary *b = gs_symbolizer_binary(s, map, NULL);

		if (b != at->binary)
			gs_binary_cursor_init(&at->near);
		at->map = map;
		at->binary = b;
	}
	return at->binary && gs_binary_addr_of(at->binary, map, addr, &own) ?
		       gs_binary_frames_near(at->binary, &at->near, own, out, max) :
		       0;
}

unsigned gs_symbolizer_frames(gs_symbolizer *s, const gs_symbol_map *map, uint64_t addr, gs_symbol *out, unsigned max)
{
	gs_symbol_cursor at;

	gs_symbol_cursor_init(&at);
	return gs_symbolizer_frames_near(s, &at, map, addr, out, max);
}

/* ---- a whole profile ---- */

typedef struct copy {
	const gs_profile *in;
	gs_profile_builder *b;
	uint32_t *strings, *functions, *label_sets, *nodes; /* old id -> new */
} copy;

static gs_symbol_map map_of(const gs_profile *p, uint32_t id)
{
	const gs_mapping *m = &p->mappings[id];

	return (gs_symbol_map){ gs_profile_str(p, m->file), gs_profile_str(p, m->build_id), m->start, m->limit,
				m->offset };
}

static bool is_wanted(const gs_profile *p, const gs_location *loc)
{
	const gs_frame *f = &p->frames[loc->first_frame];

	return loc->address && loc->n_frames == 1 &&
	       (f->function == 0 || p->functions[f->function].name == 0);
}

static uint32_t str_of(copy *c, uint32_t id)
{
	if (id && !c->strings[id])
		c->strings[id] = gs_profile_builder_str(c->b, gs_profile_str(c->in, id));
	return id ? c->strings[id] : 0;
}

static uint32_t function_of(copy *c, uint32_t id)
{
	const gs_function *f = &c->in->functions[id];

	if (id && !c->functions[id])
		c->functions[id] = gs_profile_builder_function(
			c->b, (gs_function){ str_of(c, f->name), str_of(c, f->system_name), str_of(c, f->file),
					     f->start_line });
	return id ? c->functions[id] : 0;
}

static void copy_meta(copy *c)
{
	const gs_profile *in = c->in;
	gs_profile *p = gs_profile_builder_profile(c->b);

	p->n_types = in->n_types;
	for (uint32_t i = 0; i < in->n_types; i++)
		p->types[i] = (gs_value_type){ str_of(c, in->types[i].type), str_of(c, in->types[i].unit) };
	p->default_type = str_of(c, in->default_type);
	p->period_type = (gs_value_type){ str_of(c, in->period_type.type), str_of(c, in->period_type.unit) };
	p->period = in->period;
	p->time_ns = in->time_ns;
	p->duration_ns = in->duration_ns;
	p->drop_frames = str_of(c, in->drop_frames);
	p->keep_frames = str_of(c, in->keep_frames);
	p->doc_url = str_of(c, in->doc_url);
	p->is_heap_sampled = in->is_heap_sampled;
	for (uint32_t i = 0; i < in->n_comments; i++)
		gs_profile_builder_comment(c->b, gs_profile_str(in, in->comments[i]));
	for (uint32_t i = 0; i < in->n_warnings; i++) {
		gs_str w = gs_profile_str(in, in->warnings[i]);

		gs_profile_builder_warn(c->b, "%.*s", GS_FMT(w));
	}
}

static void copy_location(copy *c, uint32_t id)
{
	const gs_location *loc = &c->in->locations[id];
	gs_frame one, *lines = &one;

	if (loc->n_frames > 1 && !(lines = calloc(loc->n_frames, sizeof(*lines))))
		return; /* the count of locations then tells */
	for (uint32_t i = 0; i < loc->n_frames; i++) {
		lines[i] = c->in->frames[loc->first_frame + i];
		lines[i].function = function_of(c, lines[i].function);
	}
	gs_profile_builder_location(c->b, loc->address, loc->mapping, loc->is_folded, lines, loc->n_frames);
	if (lines != &one)
		free(lines);
}

static void add_symbols(copy *c, uint32_t id, const gs_symbol *symbols, unsigned n, uint32_t flags)
{
	const gs_location *loc = &c->in->locations[id];
	gs_frame lines[GS_SYMBOL_MAX_DEPTH];

	for (unsigned i = 0; i < n; i++) {
		const gs_symbol *y = &symbols[i];
		uint32_t name = gs_profile_builder_str(c->b, y->function);
		uint32_t system_name = gs_profile_builder_str(c->b, gs_symbol_system_name(y));
		uint32_t file = gs_profile_builder_str(c->b, y->file);

		lines[i] = (gs_frame){ .function = gs_profile_builder_function(
					       c->b, (gs_function){ name, system_name, file, y->start_line }),
				       .line = y->line,
				       .flags = flags };
	}
	gs_profile_builder_location(c->b, loc->address, loc->mapping, loc->is_folded, lines, n);
	gs_profile_builder_mapping_resolved(c->b, loc->mapping, lines, n);
}

static void copy_stacks(copy *c)
{
	const gs_profile *in = c->in;

	/* A location's frames are a run of nodes, outermost first; its last one stands for the call. */
	for (uint32_t i = 1; i < in->n_nodes; i++) {
		uint32_t frame = in->nodes[i].frame, loc = in->frames[frame].location, parent = i;

		if (frame != in->locations[loc].first_frame)
			continue;
		for (uint32_t k = 0; k < in->locations[loc].n_frames; k++)
			parent = in->nodes[parent].parent;
		c->nodes[i] = gs_profile_builder_push(c->b, c->nodes[parent], loc);
		if (c->nodes[i] == GS_NO_ID)
			return;
	}
}

static void copy_samples(copy *c)
{
	const gs_profile *in = c->in;
	int64_t values[GS_MAX_SAMPLE_TYPES];

	for (uint32_t i = 1; i < in->n_label_sets; i++) {
		gs_label_set set = in->label_sets[i];
		gs_label *labels = calloc(set.n + 1, sizeof(*labels));

		if (!labels)
			return;
		for (uint32_t k = 0; k < set.n; k++) {
			labels[k] = in->labels[set.first + k];
			labels[k].key = str_of(c, labels[k].key);
			labels[k].str = str_of(c, labels[k].str);
			labels[k].unit = str_of(c, labels[k].unit);
		}
		c->label_sets[i] = gs_profile_builder_labels(c->b, labels, set.n);
		free(labels);
	}
	if (in->sample_time_ns || in->sample_thread)
		gs_profile_builder_with_threads(c->b);
	for (uint32_t i = 0; i < in->n_samples; i++) {
		gs_sample s = { .node = c->nodes[in->sample_node[i]],
				.labels = c->label_sets[in->sample_labels[i]],
				.values = values };

		for (uint32_t t = 0; t < in->n_types; t++)
			values[t] = in->values[t][i];
		if (in->sample_time_ns)
			s.time_ns = in->sample_time_ns[i];
		if (in->sample_goroutine)
			s.goroutine = in->sample_goroutine[i];
		if (in->sample_thread)
			s.thread = in->sample_thread[i];
		if (in->sample_cpu)
			s.cpu = in->sample_cpu[i];
		if (in->sample_pid)
			s.pid = in->sample_pid[i];
		if (!gs_profile_builder_sample(c->b, &s))
			return;
	}
}

static bool make_tables(copy *c, gs_arena *scratch, gs_err *err)
{
	c->strings = gs_try_new(scratch, uint32_t, c->in->strings.n);
	c->functions = gs_try_new(scratch, uint32_t, c->in->n_functions);
	c->label_sets = gs_try_new(scratch, uint32_t, c->in->n_label_sets);
	c->nodes = gs_try_new(scratch, uint32_t, c->in->n_nodes);
	if (!c->strings || !c->functions || !c->label_sets || !c->nodes)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no room to add symbols to this profile");
	return true;
}

static void note_missing(gs_symbolizer *s, const gs_profile *in, const bool *is_used, bool has_kernel, gs_buf *notes)
{
	gs_err why;

	for (uint32_t m = 0; m < in->n_mappings; m++) {
		gs_symbol_map map = map_of(in, m);

		if (!is_used[m] || gs_symbol_is_kernel(map.file, map.start))
			continue;
		if (!gs_symbolizer_binary(s, &map, &why))
			gs_buf_f(notes, "%s\n", why.text);
	}
	if (has_kernel && !kernel_open(s, &why))
		gs_buf_f(notes, "%s\n", why.text);
}

const gs_profile *gs_profile_symbolize(gs_arena *mem, const gs_profile *in, gs_symbolizer *s, gs_symbolized *report,
				       gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(mem));
	gs_symbol symbols[GS_SYMBOL_MAX_DEPTH];
	copy c = { .in = in };
	bool *is_used = gs_try_new(scratch, bool, in->n_mappings);
	bool has_kernel = false;

	*report = (gs_symbolized){ 0 };
	gs_buf_init(&report->notes, MAX_NOTES_BYTES);
	for (uint32_t i = 1; i < in->n_locations; i++)
		report->wanted += is_wanted(in, &in->locations[i]);
	if (report->wanted == 0)
		return in;
	if (!is_used || !make_tables(&c, scratch, err) || !(c.b = gs_profile_builder_create(mem, err)))
		return NULL;
	copy_meta(&c);
	for (uint32_t i = 1; i < in->n_mappings; i++) {
		gs_mapping m = in->mappings[i];

		m.file = str_of(&c, m.file);
		m.build_id = str_of(&c, m.build_id);
		gs_profile_builder_mapping(c.b, m);
	}
	for (uint32_t i = 1; i < in->n_locations; i++) {
		const gs_location *loc = &in->locations[i];
		gs_symbol_map map = map_of(in, loc->mapping);
		unsigned n = 0;
		bool is_kernel = gs_symbol_is_kernel(map.file, loc->address);

		if (is_wanted(in, loc)) {
			n = gs_symbolizer_frames(s, &map, loc->address, symbols, GS_SYMBOL_MAX_DEPTH);
			is_used[loc->mapping] |= !is_kernel && n == 0;
			has_kernel |= is_kernel && n == 0;
		}
		if (n == 0) {
			copy_location(&c, i);
			continue;
		}
		report->resolved++;
		add_symbols(&c, i, symbols, n, is_kernel ? GS_FRAME_KERNEL : 0);
	}
	note_missing(s, in, is_used, has_kernel, &report->notes);
	copy_stacks(&c);
	copy_samples(&c);
	/* Nothing found: the copy goes to waste, but then it is as small as what was there. */
	in = gs_profile_builder_finish(c.b, err);
	return in;
}
