/* perf.data -> document: records in the order of time become processes with their maps, and samples with named stacks. */
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "format/perfdata/perfdata.h"
#include "load/perf_process.h"
#include "load/perf_samples.h"
#include "load/recognisers.h"
#include "load/slice_map.h"
#include "load/symbolize.h"

#include "base/banned.h"

enum { MAX_STACK = 16384, MAX_MISSING_NOTES = 8, RECENT = 8192 };

/* An address in a map of a process: what is digested to find its location again. */
typedef struct place {
	uint64_t address;
	uint32_t mapping, is_kernel;
} place;

/* What a process had at an address not long ago. */
typedef struct recent {
	uint64_t address;
	int32_t pid; /* GS_PERF_KERNEL_PID for the kernel's */
	uint32_t epoch, location;
} recent;

/* A location of the kernel, which gets its name when all is read. */
typedef struct kernel_place {
	uint64_t address;
	uint32_t mapping, location;
} kernel_place;

typedef struct loading {
	const gs_load_source *src;
	gs_str path;
	gs_arena *scratch; /* until the document is ready */
	gs_profile_builder *b;
	gs_perfdata d;
	gs_symbolizer *symbols; /* NULL: keep addresses */
	gs_perf_processes processes;
	gs_perf_samples samples;
	gs_slice_map mappings;		   /* packed key -> mapping */
	GS_VEC(gs_symbol_map) symbol_maps; /* by mapping; [0] is none */
	GS_VEC(uint32_t) stack;		   /* locations, leaf first */
	GS_VEC(gs_frame) frames;
	gs_digest_key key;
	gs_digest_map places; /* location */
	recent *recent;	      /* RECENT of them, by address and pid */
	uint32_t epoch;	      /* goes up when maps change: older ones in `recent` no longer hold; from 1 */
	uint32_t *events; /* attr -> event of samples, + 1 */
	GS_VEC(kernel_place) kernel_places;
	bool is_kernel_moved; /* the kernel of this boot lies elsewhere: its symbols would lie */
	uint64_t n_unwound, n_not_unwound; /* --call-graph dwarf */
} loading;

/* ---- symbols ---- */

/* "dir/of/perf.data" + name when there is such a file. */
static const char *beside(gs_arena *mem, gs_str path, const char *name)
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

static void open_symbols(loading *l)
{
	gs_symbolizer_options o = { .kallsyms = beside(l->scratch, l->path, "kallsyms"), .kallsyms_text = l->src->options->kallsyms };
	struct utsname here;

	if (uname(&here) == 0)
		o.is_foreign = differs(l->d.features[GS_PERFDATA_OSRELEASE], here.release) ||
			       differs(l->d.features[GS_PERFDATA_HOSTNAME], here.nodename) ||
			       differs(l->d.features[GS_PERFDATA_ARCH], here.machine);
	l->symbols = gs_symbolizer_create(&o);
}

/*
 * The kernel's map tells where its first symbol was. When that address is inside of a function of this machine's list, the machine
 * was started again since (with another random layout), and all of its addresses would get wrong names.
 */
static void check_kernel(loading *l)
{
	gs_perf_process *kernel = gs_perf_process_of(&l->processes, GS_PERF_KERNEL_PID);
	gs_symbol_map map = { .file = { "[kernel.kallsyms]", 17 } };
	gs_symbol at, before;

	if (!kernel || !kernel->maps || l->src->options->kallsyms.n || beside(l->scratch, l->path, "kallsyms"))
		return;
	for (size_t i = 0; i < kernel->maps->list.n; i++) {
		const gs_perf_map *m = &kernel->maps->list.p[i];

		if (gs_str_starts(m->file, GS_S("[kernel.kallsyms]_")) && m->offset &&
		    gs_symbolizer_frames(l->symbols, &map, m->offset, &at, 1) &&
		    gs_symbolizer_frames(l->symbols, &map, m->offset - 1, &before, 1) &&
		    gs_str_eq(at.function, before.function))
			l->is_kernel_moved = true;
	}
}

/* Opened when the first address asks: in pipe mode the machine's name comes along with the records. */
static bool has_symbols(loading *l)
{
	if (!l->symbols && !l->src->options->keep_addresses)
		open_symbols(l);
	return l->symbols;
}

/* ---- mappings and places ---- */

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

static gs_str build_id_of(const loading *l, const gs_perf_map *map)
{
	if (map->build_id.n)
		return map->build_id;
	for (uint32_t i = 0; i < l->d.n_build_ids; i++)
		if (is_same_file(map->file, l->d.build_ids[i].file))
			return l->d.build_ids[i].id;
	return (gs_str){ 0 };
}

/* The profile's mapping for a map of some process; equal ones of other processes are the same. */
static uint32_t mapping_of(loading *l, gs_perf_map *map, int32_t pid)
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

static bool push_symbol(loading *l, const gs_symbol *y, uint32_t flags)
{
	gs_function fn = { .name = gs_profile_builder_str(l->b, y->function),
			   .system_name = gs_profile_builder_str(l->b, gs_symbol_system_name(y)),
			   .file = gs_profile_builder_str(l->b, y->file),
			   .start_line = y->start_line };
	gs_frame *f = gs_vec_push(&l->frames, INT32_MAX);

	if (!f || fn.name == GS_NO_ID || fn.system_name == GS_NO_ID || fn.file == GS_NO_ID)
		return false;
	*f = (gs_frame){ .function = gs_profile_builder_function(l->b, fn),
			 .line = y->line,
			 .flags = flags };
	return f->function != GS_NO_ID;
}

/* Code of the kernel: a name is all that is known. */
static bool push_kernel_name(loading *l, gs_str name)
{
	return push_symbol(l, &(gs_symbol){ .function = name }, GS_FRAME_KERNEL);
}

/* Frames of an address, innermost first; 0: no name is known. */
static unsigned frames_at(loading *l, uint32_t mapping, uint64_t address, bool is_kernel, gs_symbol found[GS_SYMBOL_MAX_DEPTH])
{
	gs_symbol_map map = l->symbol_maps.p[mapping];
	unsigned n;

	if (is_kernel && !map.file.n)
		map.file = GS_S("[kernel.kallsyms]");
	n = gs_symbolizer_frames(l->symbols, &map, address, found, GS_SYMBOL_MAX_DEPTH);
	/* The signal trampoline is returned to without having called: one back lies in front of it. */
	return n ? n : gs_symbolizer_frames(l->symbols, &map, address + 1, found, GS_SYMBOL_MAX_DEPTH);
}

static bool push_unnamed(loading *l, uint32_t flags)
{
	gs_frame *f = gs_vec_push(&l->frames, INT32_MAX);

	if (f)
		*f = (gs_frame){ .flags = flags };
	return f != NULL;
}

static bool user_frames(loading *l, uint32_t mapping, uint64_t address)
{
	gs_symbol found[GS_SYMBOL_MAX_DEPTH];
	unsigned n = has_symbols(l) ? frames_at(l, mapping, address, false, found) : 0;

	for (unsigned i = 0; i < n; i++)
		if (!push_symbol(l, &found[i], 0))
			return false;
	return true;
}

/* BPF programs and trampolines tell their names themselves; the others get theirs at the end. */
static bool kernel_frame(loading *l, uint64_t address, bool *is_named)
{
	gs_perf_process *bpf = gs_perf_process_of(&l->processes, GS_PERF_KSYMBOLS_PID);
	const gs_perf_map *named = bpf ? gs_perf_process_find(bpf, address) : NULL;

	*is_named = named != NULL;
	if (named)
		return push_kernel_name(l, named->file);
	if (has_symbols(l))
		gs_symbolizer_read_kernel_ahead(l->symbols);
	return push_unnamed(l, GS_FRAME_KERNEL);
}

/* The list of the kernel's symbols has had the time of the reading to arrive. */
static bool name_kernel(loading *l)
{
	gs_symbol found[GS_SYMBOL_MAX_DEPTH];

	if (!l->kernel_places.n || !l->symbols)
		return true;
	check_kernel(l);
	for (size_t i = 0; i < l->kernel_places.n && !l->is_kernel_moved; i++) {
		const kernel_place *k = &l->kernel_places.p[i];

		l->frames.n = 0;
		if (!frames_at(l, k->mapping, k->address, true, found))
			continue;
		if (!push_kernel_name(l, found[0].function))
			return false;
		gs_profile_builder_mapping_resolved(l->b, k->mapping, l->frames.p, 1);
		gs_profile_builder_location_name(l->b, k->location, l->frames.p[0].function);
	}
	return true;
}

/* The location of an address in a process; 0 is not one. */
static uint32_t location_of(loading *l, gs_perf_process *p, uint64_t address, bool is_kernel)
{
	gs_perf_map *map = gs_perf_process_find(p, address);
	uint32_t mapping = map ? mapping_of(l, map, p->pid) : 0, *seen;
	place at = { address, mapping, is_kernel };
	bool is_new, is_named = true;

	if (mapping == GS_NO_ID)
		return GS_NO_ID;
	seen = gs_digest_map_put(&l->places, gs_digest_of(&l->key, (gs_str){ (const char *)&at, sizeof(at) }), &is_new);
	if (!seen)
		return GS_NO_ID;
	if (!is_new)
		return *seen;
	l->frames.n = 0;
	if (is_kernel ? !kernel_frame(l, address, &is_named) : !user_frames(l, mapping, address))
		return GS_NO_ID;
	gs_profile_builder_mapping_resolved(l->b, mapping, l->frames.p, (uint32_t)l->frames.n);
	*seen = gs_profile_builder_location_intern(l->b, address, mapping, l->frames.p, (uint32_t)l->frames.n);
	if (!is_named) {
		kernel_place *k = gs_vec_push(&l->kernel_places, INT32_MAX);

		if (!k)
			return GS_NO_ID;
		*k = (kernel_place){ address, mapping, *seen };
	}
	return *seen;
}

/* ---- stacks ---- */

/* The process that an address belongs to. NULL when memory is out. */
static gs_perf_process *owner_of(loading *l, int32_t pid, bool is_kernel)
{
	return gs_perf_process_of(&l->processes, is_kernel ? GS_PERF_KERNEL_PID : pid);
}

/* Most frames of a stack were in the one before: these need no search among maps and places. GS_NO_ID when memory is out. */
static uint32_t recent_location(loading *l, int32_t pid, uint64_t address, bool is_kernel)
{
	int32_t owner = is_kernel ? GS_PERF_KERNEL_PID : pid;
	recent *r = &l->recent[gs_hash_u64(address + ((uint64_t)(uint32_t)owner << 48)) % RECENT];
	gs_perf_process *p;

	if (r->address == address && r->pid == owner && r->epoch == l->epoch)
		return r->location;
	p = owner_of(l, pid, is_kernel);
	*r = (recent){ address, owner, l->epoch, p ? location_of(l, p, address, is_kernel) : GS_NO_ID };
	return r->location;
}

static bool push_address(loading *l, int32_t pid, uint64_t address, bool is_kernel)
{
	uint32_t id = recent_location(l, pid, address, is_kernel), *slot;

	if (id == GS_NO_ID)
		return false;
	if (l->stack.n >= MAX_STACK)
		return true;
	slot = gs_vec_push(&l->stack, MAX_STACK);
	if (slot)
		*slot = id;
	return slot != NULL;
}

/* A call chain: the first address of each part is where the CPU was or will be, those after it are returns. */
static bool push_chain(loading *l, const gs_perfdata_record *r)
{
	unsigned mode = r->misc & GS_PERFDATA_CPUMODE_MASK;
	bool is_kernel = mode == GS_PERFDATA_KERNEL, is_known = true, is_first = true;

	for (size_t i = 0; i < r->chain.n / 8; i++) {
		uint64_t word = gs_perfdata_word(&l->d, r->chain, i);

		if (word >= GS_PERFDATA_CONTEXT_MAX) {
			is_kernel = word == GS_PERFDATA_CONTEXT_KERNEL;
			is_known = is_kernel || word == GS_PERFDATA_CONTEXT_USER;
			is_first = true;
			continue;
		}
		if (!is_known || !word)
			continue;
		if (!push_address(l, r->pid, is_first ? word : word - 1, is_kernel))
			return false;
		is_first = false;
	}
	return true;
}

/* Numbers of the registers in perf's order. */
typedef struct arch_regs {
	const char *arch;
	unsigned fp, sp, pc;
} arch_regs;

static const arch_regs *regs_of(gs_str arch)
{
	static const arch_regs known[] = { { "x86_64", 6, 7, 8 }, { "aarch64", 29, 31, 32 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (gs_str_eq(arch, gs_str_of(known[i].arch)))
			return &known[i];
	return NULL;
}

static bool reg_value(const loading *l, const gs_perfdata_record *r, unsigned number, uint64_t *out)
{
	uint64_t mask = l->d.attrs[r->attr].regs_user;
	size_t at = (size_t)__builtin_popcountll(mask & (((uint64_t)1 << number) - 1));

	if (!(mask >> number & 1) || (at + 1) * 8 > r->regs.n)
		return false;
	*out = gs_perfdata_word(&l->d, r->regs, at);
	return true;
}

/*
 * A copy of the user stack instead of a chain: it is walked along the frame pointers, which Go code always keeps (and C code
 * often). The unwind tables of C code without them are not read.
 */
static bool push_copied_stack(loading *l, const gs_perfdata_record *r)
{
	const arch_regs *regs = regs_of(l->d.features[GS_PERFDATA_ARCH]);
	gs_perf_process *p = gs_perf_process_of(&l->processes, r->pid);
	uint64_t fp, sp, pc;

	if (!p)
		return false;
	if (!regs || !reg_value(l, r, regs->pc, &pc) || !reg_value(l, r, regs->sp, &sp) ||
	    !reg_value(l, r, regs->fp, &fp)) {
		l->n_not_unwound++;
		return true;
	}
	if (!push_address(l, r->pid, pc, false))
		return false;
	while (fp >= sp && fp - sp <= r->stack.n && r->stack.n - (fp - sp) >= 16) {
		gs_str pair = gs_str_slice(r->stack, (size_t)(fp - sp), (size_t)(fp - sp) + 16);
		uint64_t next = gs_perfdata_word(&l->d, pair, 0),
			 ret = gs_perfdata_word(&l->d, pair, 1);

		if (!ret || !gs_perf_process_find(p, ret - 1))
			break;
		if (!push_address(l, r->pid, ret - 1, false))
			return false;
		if (next <= fp)
			break;
		fp = next;
	}
	l->n_unwound++;
	return true;
}

/* Hardware call stacks (--call-graph lbr): each entry's first word is the call instruction. */
static bool push_branches(loading *l, const gs_perfdata_record *r)
{
	if (!push_address(l, r->pid, r->ip, false))
		return false;
	for (size_t i = 0; i < r->branches.n / 24; i++) {
		uint64_t from = gs_perfdata_word(&l->d, r->branches, 3 * i);

		if (from && !push_address(l, r->pid, from, false))
			return false;
	}
	return true;
}

static bool has_user_part(const loading *l, gs_str chain)
{
	for (size_t i = 0; i < chain.n / 8; i++)
		if (gs_perfdata_word(&l->d, chain, i) == GS_PERFDATA_CONTEXT_USER)
			return i + 1 < chain.n / 8;
	return false;
}

static bool read_stack(loading *l, const gs_perfdata_record *r)
{
	enum { BRANCH_CALL_STACK = 1 << 11 };
	bool is_kernel = (r->misc & GS_PERFDATA_CPUMODE_MASK) == GS_PERFDATA_KERNEL;

	l->stack.n = 0;
	if (!push_chain(l, r))
		return false;
	if (r->stack.n && r->regs.n && !has_user_part(l, r->chain))
		return push_copied_stack(l, r);
	if (r->branches.n && !is_kernel &&
	    l->d.attrs[r->attr].branch_sample_type & BRANCH_CALL_STACK &&
	    !has_user_part(l, r->chain))
		return push_branches(l, r);
	return l->stack.n || !r->ip || push_address(l, r->pid, r->ip, is_kernel);
}

/* A record, and the digest of the chain that alone makes up its stack. */
typedef struct arrival {
	gs_perfdata_record record;
	bool is_plain;
	gs_digest digest;
} arrival;

/* False at the end, or with err->code set. The next stack's place in memory is asked for while this one is worked on. */
static bool next_arrival(loading *l, arrival *a, gs_err *err)
{
	gs_perf_process *p;

	if (!gs_perfdata_next(&l->d, &a->record, err))
		return false;
	a->is_plain = a->record.kind == GS_PERFDATA_SAMPLE && a->record.chain.n && !a->record.stack.n && !a->record.branches.n;
	if (!a->is_plain)
		return true;
	a->digest = gs_digest_of(&l->key, a->record.chain);
	p = gs_perf_process_of(&l->processes, a->record.pid);
	if (p)
		gs_digest_map_prefetch(&p->stacks, a->digest);
	return true;
}

/* GS_NO_ID when memory is out. */
static uint32_t node_of(loading *l, const arrival *a)
{
	const gs_perfdata_record *r = &a->record;
	bool is_new = true;
	gs_perf_process *p = gs_perf_process_of(&l->processes, r->pid);
	uint32_t node = GS_ROOT_NODE, *slot = NULL;

	if (!p)
		return GS_NO_ID;
	if (a->is_plain) {
		slot = gs_digest_map_put(&p->stacks, a->digest, &is_new);
		if (!slot)
			return GS_NO_ID;
		if (!is_new && *slot)
			return *slot;
	}
	if (!read_stack(l, r))
		return GS_NO_ID;
	for (size_t i = l->stack.n; i-- > 0;) {
		node = gs_profile_builder_push(l->b, node, l->stack.p[i]);
		if (node == GS_NO_ID)
			return node;
	}
	/* The table of processes may have moved. */
	if (a->is_plain && (p = gs_perf_process_of(&l->processes, r->pid)) &&
	    (slot = gs_digest_map_put(&p->stacks, a->digest, &is_new)))
		*slot = node;
	return node;
}

/* ---- records ---- */

static uint32_t comm_of(loading *l, const gs_perfdata_record *r)
{
	uint32_t name = gs_perf_comm_get(&l->processes, r->tid);
	char text[16];

	if (name == UINT32_MAX)
		name = gs_perf_comm_get(&l->processes, r->pid);
	if (name != UINT32_MAX)
		return name;
	if (r->pid < 0)
		return 0;
	snprintf(text, sizeof(text), r->tid ? ":%d" : "swapper", r->tid);
	name = gs_profile_builder_str(l->b, gs_str_of(text));
	gs_perf_comm_set(&l->processes, r->tid, name);
	return name;
}

static int64_t wall_time(const loading *l, uint64_t time_ns)
{
	uint64_t t = time_ns;

	if (!t)
		return -1;
	if (l->d.wall_clock_ns)
		t = l->d.wall_clock_ns + (time_ns - l->d.clock_ns);
	return t > INT64_MAX ? -1 : (int64_t)t;
}

static bool add_sample(loading *l, const arrival *arrived)
{
	const gs_perfdata_record *r = &arrived->record;
	gs_perf_sample s = { .time_ns = wall_time(l, r->time_ns),
			     .period = r->period > INT64_MAX ? INT64_MAX : (int64_t)r->period,
			     .pid = r->pid,
			     .tid = r->tid,
			     .cpu = r->cpu };

	/* Those before it first: the order of the events is that of the command line, not that of the samples. */
	for (uint32_t a = 0; a <= r->attr && !l->events[r->attr]; a++) {
		s.event = gs_perf_samples_event(&l->samples, l->d.attrs[a].name);
		if (s.event == UINT32_MAX)
			return false;
		l->events[a] = s.event + 1;
	}
	s.event = l->events[r->attr] - 1;
	s.node = node_of(l, arrived);
	s.comm = comm_of(l, r);
	return s.node != GS_NO_ID && s.comm != GS_NO_ID && gs_perf_samples_add(&l->samples, &s);
}

static bool add_map(loading *l, const gs_perfdata_record *r)
{
	unsigned mode = r->misc & GS_PERFDATA_CPUMODE_MASK;
	gs_perf_map map = {
		.start = r->start, .offset = r->offset, .file = r->name, .build_id = r->build_id
	};
	int32_t pid = mode == GS_PERFDATA_KERNEL ? GS_PERF_KERNEL_PID : r->pid;

	if (mode == GS_PERFDATA_GUEST_KERNEL || mode == GS_PERFDATA_GUEST_USER || !r->is_exec)
		return true;
	if (r->kind == GS_PERFDATA_KSYMBOL) {
		if (r->is_unregistered || !r->name.n)
			return true;
		pid = GS_PERF_KSYMBOLS_PID;
	}
	if (__builtin_add_overflow(r->start, r->size, &map.end))
		map.end = UINT64_MAX;
	return gs_perf_process_map(&l->processes, pid, &map);
}

static bool add_record(loading *l, const arrival *a)
{
	const gs_perfdata_record *r = &a->record;
	gs_perf_process *p;
	uint32_t name;

	l->epoch += r->kind != GS_PERFDATA_SAMPLE;
	switch (r->kind) {
	case GS_PERFDATA_SAMPLE:
		return add_sample(l, a);
	case GS_PERFDATA_MMAP:
	case GS_PERFDATA_KSYMBOL:
		return add_map(l, r);
	case GS_PERFDATA_COMM:
		p = r->is_exec ? gs_perf_process_of(&l->processes, r->pid) : NULL;
		if (p)
			gs_perf_process_exec(p);
		name = gs_profile_builder_str(l->b, r->name);
		return name != GS_NO_ID && gs_perf_comm_set(&l->processes, r->tid, name);
	case GS_PERFDATA_FORK:
		name = gs_perf_comm_get(&l->processes, r->parent_tid);
		if (name != UINT32_MAX && !gs_perf_comm_set(&l->processes, r->tid, name))
			return false;
		return gs_perf_process_fork(&l->processes, r->parent_pid, r->pid);
	case GS_PERFDATA_EXIT:
		break;
	}
	return true;
}

static bool out_of_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "perf.data needs more memory than its budget");
}

static bool load_records(loading *l, gs_err *err)
{
	arrival arrivals[2];
	gs_err why = { 0 };
	uint64_t n = 0;
	bool has_next = next_arrival(l, &arrivals[0], &why);

	while (has_next) {
		const arrival *a = &arrivals[n % 2];

		if (!l->events && l->d.n_attrs) {
			/* In pipe mode more of them may come. */
			l->events = gs_try_new(l->scratch, uint32_t, GS_PERFDATA_MAX_ATTRS);
			if (!l->events)
				return out_of_memory(err);
		}
		has_next = next_arrival(l, &arrivals[++n % 2], &why);
		if (!add_record(l, a))
			return out_of_memory(err);
		if (n % 16384 == 0) {
			if (gs_progress_should_stop(l->src->progress))
				return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
			gs_progress_report(l->src->progress,
					   (double)a->record.at / (double)(l->src->bytes.n + 1), "reading");
		}
	}
	if (why.code && err)
		*err = why;
	return why.code == GS_ERR_NONE;
}

/* ---- the whole ---- */

static void add_comment(loading *l, unsigned feature, const char *name)
{
	gs_str value = l->d.features[feature];
	char line[1024];

	if (!value.n)
		return;
	snprintf(line, sizeof(line), "%s: %.*s", name, GS_FMT(gs_str_slice(value, 0, 900)));
	gs_profile_builder_comment(l->b, gs_str_of(line));
}

static void add_warnings(loading *l)
{
	unsigned n_missing = 0;

	if (l->d.n_lost)
		gs_profile_builder_warn(l->b,
					"the kernel lost %llu records: perf could not keep up",
					(unsigned long long)l->d.n_lost);
	if (l->d.is_cut)
		gs_profile_builder_warn(l->b,
					"the recording was cut short: what it holds was read");
	if (l->d.n_broken)
		gs_profile_builder_warn(l->b, "%llu records are broken and were left out",
					(unsigned long long)l->d.n_broken);
	if (l->n_unwound + l->n_not_unwound)
		gs_profile_builder_warn(
			l->b,
			"recorded with --call-graph dwarf: stacks were walked along frame "
			"pointers, which Go keeps "
			"and C code may not; --call-graph fp records longer stacks at less cost");
	if (l->is_kernel_moved)
		gs_profile_builder_warn(l->b, "the kernel was started again since the recording: "
					      "its functions stay unnamed");
	for (size_t i = 1; l->symbols && i < l->symbol_maps.n && n_missing < MAX_MISSING_NOTES;
	     i++) {
		const gs_symbol_map *m = &l->symbol_maps.p[i];
		gs_err why;

		if (gs_symbol_is_kernel(m->file, m->start) || m->file.p == NULL || m->file.n == 0 ||
		    m->file.p[0] != '/' || gs_symbolizer_binary(l->symbols, m, &why))
			continue;
		gs_profile_builder_warn(l->b, "no symbols: %s", why.text);
		n_missing++;
	}
}

static void release(loading *l)
{
	gs_perf_processes_release(&l->processes);
	gs_perf_samples_release(&l->samples);
	gs_slice_map_release(&l->mappings);
	gs_digest_map_release(&l->places);
	gs_vec_release(&l->symbol_maps);
	gs_vec_release(&l->stack);
	gs_vec_release(&l->frames);
	gs_vec_release(&l->kernel_places);
	gs_symbolizer_free(l->symbols);
}

/* What the times are of, so that they can be laid on a trace. */
static void tell_clock(const loading *l, gs_profile *p)
{
	bool is_monotonic = l->d.n_attrs != 0;

	for (uint32_t i = 0; i < l->d.n_attrs; i++)
		is_monotonic = is_monotonic && l->d.attrs[i].has_clock && l->d.attrs[i].clock == CLOCK_MONOTONIC;
	p->is_monotonic = is_monotonic;
	p->monotonic_offset_ns = l->d.wall_clock_ns ? (int64_t)(l->d.wall_clock_ns - l->d.clock_ns) : 0;
	if (l->d.n_attrs && l->d.attrs[0].is_freq && l->d.attrs[0].period)
		p->sample_gap_ns = (int64_t)(1000000000 / l->d.attrs[0].period);
}

static bool load_all(loading *l, gs_document *doc, gs_err *err)
{
	if (!gs_perfdata_open(l->scratch, l->src->bytes, &l->d, err))
		return false;
	l->b = gs_profile_builder_create(doc->mem, err);
	gs_digest_key_init(&l->key);
	l->recent = gs_new(l->scratch, recent, RECENT);
	l->epoch = 1;
	if (!l->b || !gs_vec_push(&l->symbol_maps, 1))
		return l->b ? out_of_memory(err) : false;
	if (!load_records(l, err))
		return false;
	if (!name_kernel(l))
		return out_of_memory(err);
	if (!l->samples.samples.n)
		gs_profile_builder_warn(l->b, "no sample in this recording");
	add_comment(l, GS_PERFDATA_HOSTNAME, "hostname");
	add_comment(l, GS_PERFDATA_OSRELEASE, "kernel");
	add_comment(l, GS_PERFDATA_CMDLINE, "command");
	add_comment(l, GS_PERFDATA_CPUDESC, "cpu");
	add_warnings(l);
	if (l->d.wall_clock_ns && l->samples.samples.n)
		gs_profile_builder_profile(l->b)->time_ns = l->samples.samples.p[0].time_ns;
	tell_clock(l, gs_profile_builder_profile(l->b));
	return gs_perf_samples_finish(&l->samples, l->b) || out_of_memory(err);
}

static int probe(gs_str bytes)
{
	return gs_perfdata_is(gs_str_slice(bytes, 0, 16)) ? GS_PROBE_SURE : GS_PROBE_NO;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(doc->mem));
	loading l = { .src = src, .path = doc->path, .scratch = scratch };
	bool ok = load_all(&l, doc, err);

	release(&l);
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(l.b, err);
	return doc->profile != NULL;
}

const gs_recogniser gs_recogniser_perfdata = {
	.name = "perf.data",
	.title = "a recording of perf record",
	.probe = probe,
	.load = load,
};
