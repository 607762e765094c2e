/* perf.data -> document: records in the order of time become processes with their maps, and samples with named stacks. */
#include <time.h>

#include "load/perf_ahead.h"
#include "load/perf_places.h"
#include "load/perf_samples.h"
#include "load/recognisers.h"

#include "base/banned.h"

enum {
	MAX_STACK = 16384,
	THREADS = 256,
	AHEAD = 16, /* arrivals between asking the memory for a stack's place and needing it */
};

/* A thread of late. */
typedef struct known_thread {
	int32_t pid, tid;
	uint32_t epoch;	  /* 0: nothing is here */
	uint32_t process; /* index */
	uint32_t comm;
} known_thread;

typedef struct loading {
	const gs_load_source *src;
	gs_str path;
	gs_arena *scratch; /* until the document is ready */
	gs_arena *reading; /* of the reader's thread */
	gs_profile_builder *b;
	gs_perfdata d;
	gs_perf_processes processes;
	gs_perf_samples samples; /* with stacks for nodes, until all is read */
	gs_perf_places places;
	known_thread threads[THREADS];
	/* Each stack once: its places are stack[ends[i - 1]] to stack[ends[i] - 1], leaf first. */
	GS_VEC(uint32_t) stack, ends;
	uint32_t *nodes; /* of each */
	gs_digest_key key;
	uint32_t *events; /* attr -> event of samples, + 1 */
	uint64_t n_unwound, n_not_unwound; /* --call-graph dwarf */
	bool is_full, is_stopped;
} loading;

/* ---- stacks ---- */

static bool push_address(loading *l, int32_t pid, uint64_t address, bool is_kernel)
{
	uint32_t place = gs_perf_places_at(&l->places, pid, address, is_kernel), *slot;
	size_t start = l->ends.n ? l->ends.p[l->ends.n - 1] : 0;

	if (!place)
		return false;
	if (l->stack.n - start >= MAX_STACK)
		return true;
	slot = gs_vec_push(&l->stack, INT32_MAX);
	if (slot)
		*slot = place;
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
	size_t start = l->stack.n;

	if (!push_chain(l, r))
		return false;
	if (r->stack.n && r->regs.n && !has_user_part(l, r->chain))
		return push_copied_stack(l, r);
	if (r->branches.n && !is_kernel &&
	    l->d.attrs[r->attr].branch_sample_type & BRANCH_CALL_STACK &&
	    !has_user_part(l, r->chain))
		return push_branches(l, r);
	return l->stack.n > start || !r->ip || push_address(l, r->pid, r->ip, is_kernel);
}

/* The number of a stack that was not seen before. GS_NO_ID when memory is out. */
static uint32_t add_stack(loading *l, const gs_perfdata_record *r)
{
	uint32_t *end;

	if (!read_stack(l, r) || l->stack.n > UINT32_MAX || !(end = gs_vec_push(&l->ends, INT32_MAX)))
		return GS_NO_ID;
	*end = (uint32_t)l->stack.n;
	return (uint32_t)l->ends.n - 1;
}

/* ---- threads ---- */

static known_thread *thread_slot(loading *l, int32_t pid, int32_t tid)
{
	return &l->threads[((uint32_t)tid + 31 * (uint32_t)pid) % THREADS];
}

static bool is_thread(const loading *l, const known_thread *t, int32_t pid, int32_t tid)
{
	return t->epoch == l->places.epoch && t->tid == tid && t->pid == pid;
}

static uint32_t comm_of(loading *l, int32_t pid, int32_t tid)
{
	uint32_t name = gs_perf_comm_get(&l->processes, tid);
	char text[16];

	if (name == UINT32_MAX)
		name = gs_perf_comm_get(&l->processes, pid);
	if (name != UINT32_MAX)
		return name;
	if (pid < 0)
		return 0;
	snprintf(text, sizeof(text), tid ? ":%d" : "swapper", tid);
	name = gs_profile_builder_str(l->b, gs_str_of(text));
	gs_perf_comm_set(&l->processes, tid, name);
	return name;
}

/* NULL when memory is out. Valid until the next one. */
static const known_thread *thread_of(loading *l, int32_t pid, int32_t tid)
{
	known_thread *t = thread_slot(l, pid, tid);
	gs_perf_process *p;
	uint32_t comm;

	if (is_thread(l, t, pid, tid))
		return t;
	p = gs_perf_process_of(&l->processes, pid);
	comm = comm_of(l, pid, tid);
	if (!p || comm == GS_NO_ID)
		return NULL;
	*t = (known_thread){ pid, tid, l->places.epoch, (uint32_t)(p - l->processes.list.p), comm };
	return t;
}

/* ---- records ---- */

static int64_t wall_time(const loading *l, uint64_t time_ns)
{
	uint64_t t = time_ns;

	if (!t)
		return -1;
	if (l->d.wall_clock_ns)
		t = l->d.wall_clock_ns + (time_ns - l->d.clock_ns);
	return t > INT64_MAX ? -1 : (int64_t)t;
}

/* Events are told in the order of the command line, not in that of the samples: those before this one first. */
static bool event_of(loading *l, uint32_t attr, uint32_t *event)
{
	for (uint32_t a = 0; a <= attr && !l->events[attr]; a++) {
		uint32_t id = gs_perf_samples_event(&l->samples, l->d.attrs[a].name);

		if (id == UINT32_MAX)
			return false;
		l->events[a] = id + 1;
	}
	*event = l->events[attr] - 1;
	return true;
}

static bool add_sample(loading *l, const gs_perf_arrival *a, uint32_t comm, uint32_t stack)
{
	uint32_t event;

	return event_of(l, a->attr, &event) &&
	       gs_perf_samples_add(&l->samples, (gs_perf_sample){ .time_ns = wall_time(l, a->time_ns),
								  .period = a->period > INT64_MAX ? INT64_MAX : (int64_t)a->period,
								  .node = stack,
								  .comm = comm,
								  .pid = a->pid,
								  .tid = a->tid,
								  .cpu = a->cpu,
								  .event = event });
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

/* All but samples: processes and their maps. */
static bool add_record(loading *l, const gs_perfdata_record *r)
{
	gs_perf_process *p;
	uint32_t name;

	gs_perf_places_changed(&l->places);
	switch (r->kind) {
	case GS_PERFDATA_SAMPLE:
		break;
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

/* The number of a call chain in a process, which was not seen there before. */
static bool add_chain(loading *l, const gs_perf_arrival *a, uint32_t process, uint32_t *stack)
{
	gs_perfdata_record r = { .kind = GS_PERFDATA_SAMPLE, .misc = a->misc, .pid = a->pid, .ip = a->ip, .chain = a->chain };
	uint32_t *slot;
	bool is_new;

	*stack = add_stack(l, &r);
	/* The table of processes may have moved. */
	slot = *stack == GS_NO_ID ? NULL : gs_digest_map_put(&l->processes.list.p[process].stacks, a->digest, &is_new);
	if (slot)
		*slot = *stack + 1;
	return slot != NULL;
}

static bool add_arrival(loading *l, const gs_perf_arrival *a)
{
	const known_thread *t;
	uint32_t *slot, stack;
	bool is_new;

	if (a->record && a->record->kind != GS_PERFDATA_SAMPLE)
		return add_record(l, a->record);
	t = thread_of(l, a->pid, a->tid);
	if (!t)
		return false;
	if (a->record) {
		stack = add_stack(l, a->record);
		return stack != GS_NO_ID && add_sample(l, a, t->comm, stack);
	}
	slot = gs_digest_map_put(&l->processes.list.p[t->process].stacks, a->digest, &is_new);
	if (!slot)
		return false;
	stack = *slot - 1;
	if (!*slot && !add_chain(l, a, t->process, &stack))
		return false;
	return add_sample(l, a, t->comm, stack);
}

/* Ask the memory for a stack that comes later; inlined at any rate, as gs_digest_map_prefetch. */
__attribute__((always_inline)) static inline void expect(const loading *l, const gs_perf_arrival *a)
{
	const known_thread *t = &l->threads[((uint32_t)a->tid + 31 * (uint32_t)a->pid) % THREADS];

	if (!a->record && is_thread(l, t, a->pid, a->tid))
		gs_digest_map_prefetch(&l->processes.list.p[t->process].stacks, a->digest);
}

static bool take_batch(void *ctx, const gs_perf_batch *batch)
{
	loading *l = ctx;

	if (!l->events)
		l->events = gs_try_new(l->scratch, uint32_t, GS_PERFDATA_MAX_ATTRS);
	if (!l->events) {
		l->is_full = true;
		return false;
	}
	for (uint32_t i = 0; i < batch->n; i++) {
		const gs_perf_arrival *a = &batch->list[i];

		if (i + AHEAD < batch->n)
			expect(l, &batch->list[i + AHEAD]);
		if (!add_arrival(l, a)) {
			l->is_full = true;
			return false;
		}
	}
	l->is_stopped = gs_progress_should_stop(l->src->progress);
	gs_progress_report(l->src->progress, (double)batch->at / (double)(l->src->bytes.n + 1), "reading");
	return !l->is_stopped;
}

static bool out_of_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "perf.data needs more memory than its budget");
}

/* Now that all places are known: what is there, and the tree of the stacks. */
static bool make_stacks(loading *l)
{
	uint32_t *locations = gs_try_new(l->scratch, uint32_t, l->places.list.n + 1);

	l->nodes = gs_try_new(l->scratch, uint32_t, l->ends.n);
	if (!locations || !l->nodes || !gs_perf_places_name(&l->places, locations))
		return false;
	for (size_t i = 0; i < l->stack.n; i++)
		l->stack.p[i] = locations[l->stack.p[i]];
	return gs_profile_builder_push_stacks(l->b, l->stack.p, l->ends.p, (uint32_t)l->ends.n, l->nodes);
}

static bool load_records(loading *l, gs_err *err)
{
	if (!gs_perf_ahead_run(&l->d, &l->key, l->src->options->threads, take_batch, l, err))
		return false;
	if (l->is_stopped)
		return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	return (!l->is_full && make_stacks(l)) || out_of_memory(err);
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
	gs_perf_places_warn(&l->places);
}

static void release(loading *l)
{
	gs_perf_places_release(&l->places);
	gs_perf_processes_release(&l->processes);
	gs_perf_samples_release(&l->samples);
	gs_vec_release(&l->stack);
	gs_vec_release(&l->ends);
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

static int by_id(const void *a, const void *b)
{
	const gs_thread_name *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Lines "ID INSIDE" that the recorder left beside the file. What makes no sense is left out. */
static void tell_thread_names(loading *l, gs_profile *p, gs_arena *mem)
{
	enum { MAX_BYTES = 1 << 20, MAX_NAMES = 1 << 17 };
	GS_AUTO(file) file = { 0 };
	GS_VEC(gs_thread_name) list = { 0 };
	gs_str rest = l->src->options->thread_names, line;
	const char *path = gs_perf_places_beside(l->scratch, l->path, "threads.txt");
	gs_thread_name *names;

	if (!rest.n && path && gs_file_read(path, MAX_BYTES, &file, NULL))
		rest = file.bytes;
	while (gs_str_line(&rest, &line)) {
		size_t at = gs_str_find_char(line, ' ');
		uint64_t id, inside;
		gs_thread_name *name;

		if (at == SIZE_MAX || !gs_str_u64(gs_str_slice(line, 0, at), 10, &id) || !gs_str_u64(gs_str_skip(line, at + 1), 10, &inside) ||
		    id > INT32_MAX || inside > INT32_MAX)
			continue;
		name = gs_vec_push(&list, MAX_NAMES);
		if (name)
			*name = (gs_thread_name){ (uint32_t)id, (uint32_t)inside };
	}
	names = list.n ? gs_try_new(mem, gs_thread_name, list.n) : NULL;
	if (names) {
		memcpy(names, list.p, list.n * sizeof(*names));
		qsort(names, list.n, sizeof(*names), by_id);
		p->thread_names = names;
		p->n_thread_names = (uint32_t)list.n;
	}
	gs_vec_release(&list);
}

static bool load_all(loading *l, gs_document *doc, gs_err *err)
{
	if (!gs_perfdata_open(l->reading, l->src->bytes, &l->d, err))
		return false;
	l->b = gs_profile_builder_create(doc->mem, err);
	if (!l->b)
		return false;
	gs_digest_key_init(&l->key);
	if (!gs_perf_places_init(&l->places, l->src, l->path, l->scratch, l->b, &l->d, &l->processes, &l->key))
		return out_of_memory(err);
	if (!load_records(l, err))
		return false;
	if (!l->samples.rows.n)
		gs_profile_builder_warn(l->b, "no sample in this recording");
	add_comment(l, GS_PERFDATA_HOSTNAME, "hostname");
	add_comment(l, GS_PERFDATA_OSRELEASE, "kernel");
	add_comment(l, GS_PERFDATA_CMDLINE, "command");
	add_comment(l, GS_PERFDATA_CPUDESC, "cpu");
	add_warnings(l);
	if (l->d.wall_clock_ns && l->samples.rows.n)
		gs_profile_builder_profile(l->b)->time_ns = l->samples.rows.p[0].time_ns;
	tell_clock(l, gs_profile_builder_profile(l->b));
	tell_thread_names(l, gs_profile_builder_profile(l->b), doc->mem);
	return gs_perf_samples_finish(&l->samples, l->b, l->nodes, l->src->options->threads) || out_of_memory(err);
}

static int probe(gs_str bytes)
{
	return gs_perfdata_is(gs_str_slice(bytes, 0, 16)) ? GS_PROBE_SURE : GS_PROBE_NO;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(doc->mem));
	GS_AUTO(arena) *reading = gs_arena_create(gs_arena_budget_bytes(doc->mem));
	loading *l = gs_new(scratch, loading, 1);
	gs_profile_builder *b;
	bool ok;

	l->src = src;
	l->path = doc->path;
	l->scratch = scratch;
	l->reading = reading;
	ok = load_all(l, doc, err);
	b = l->b;
	release(l);
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(b, err);
	return doc->profile != NULL;
}

const gs_recogniser gs_recogniser_perfdata = {
	.name = "perf.data",
	.title = "a recording of perf record",
	.probe = probe,
	.load = load,
};
