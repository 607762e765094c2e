/* Legacy profiles (debug=1 text, binary CPU) -> document. Go's symbol comments become functions; the rest keeps its addresses. */
#include "format/legacy/legacy.h"
#include "load/recognisers.h"

#include "base/banned.h"

typedef struct loading {
	gs_profile_builder *b;
	gs_legacy *l;
	GS_VEC(gs_frame) frames;
	GS_VEC(uint32_t) stack;
	GS_VEC(gs_label) labels;
} loading;

/* Frames of the allocator, the profiler and the locks themselves, by the kind of profile; as pprof's legacy reader has them. */
static const char heap_drop[] =
	"calloc|cfree|malloc|free|memalign|do_memalign|(__)?posix_memalign|pvalloc|valloc|realloc|"
	"tcmalloc::.*|tc_calloc|tc_cfree|tc_malloc|tc_free|tc_memalign|tc_posix_memalign|tc_"
	"pvalloc|tc_valloc|tc_realloc|"
	"tc_new|tc_delete|tc_newarray|tc_deletearray|tc_new_nothrow|tc_newarray_nothrow|"
	"malloc_zone_malloc|malloc_zone_calloc|malloc_zone_valloc|malloc_zone_realloc|malloc_zone_"
	"memalign|malloc_zone_free|"
	"runtime\\..*|"
	"BaseArena::.*|(::)?do_malloc_no_errno|(::)?do_malloc_pages|(::)?do_malloc|"
	"DoSampledAllocation|"
	"MallocedMemBlock::MallocedMemBlock|_M_allocate|__builtin_(vec_)?delete|__builtin_(vec_)?"
	"new|"
	"__gnu_cxx::new_allocator::allocate|__libc_malloc|__malloc_alloc_template::allocate|"
	"allocate|cpp_alloc|"
	"operator new(\\[\\])?|simple_alloc::allocate";
static const char heap_keep[] = "runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*";
static const char lock_drop[] =
	"RecordLockProfileData|(base::)?RecordLockProfileData.*|(base::)?SubmitMutexProfileData.*|"
	"(base::)?SubmitSpinLockProfileData.*|(base::Mutex::)?AwaitCommon.*|(base::Mutex::)?Unlock."
	"*|"
	"(base::Mutex::)?UnlockSlow.*|(base::Mutex::)?ReaderUnlock.*|(base::MutexLock::)?~"
	"MutexLock.*|"
	"(Mutex::)?AwaitCommon.*|(Mutex::)?Unlock.*|(Mutex::)?UnlockSlow.*|(Mutex::)?ReaderUnlock.*"
	"|"
	"(MutexLock::)?~MutexLock.*|(SpinLock::)?Unlock.*|(SpinLock::)?SlowUnlock.*|("
	"SpinLockHolder::)?~SpinLockHolder.*";
static const char cpu_drop[] = "ProfileData::Add|ProfileData::prof_handler|CpuProfiler::prof_"
			       "handler|__pthread_sighandler|__restore";

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "the profile needs more memory than its budget");
}

static bool push_line(loading *q, gs_str name, gs_str file, uint64_t line)
{
	gs_function fn = { .name = gs_profile_builder_str(q->b, name),
			   .file = gs_profile_builder_str(q->b, file) };
	gs_frame *f = gs_vec_push(&q->frames, INT32_MAX);

	if (!f || fn.name == GS_NO_ID || fn.file == GS_NO_ID)
		return false;
	fn.system_name = fn.name;
	*f = (gs_frame){ .function = gs_profile_builder_function(q->b, fn),
			 .line = line > INT64_MAX ? 0 : (int64_t)line };
	return f->function != GS_NO_ID;
}

static bool is_pc_of(const gs_legacy_symbol *sym, uint64_t address)
{
	return sym->pc == address || sym->pc == address + 1;
}

/* Index of the address that the first comment line names; n_addresses when there is none. */
static uint32_t first_named(const loading *q, const gs_legacy_sample *s)
{
	uint32_t i = 0;

	if (!s->n_symbols)
		return s->n_addresses;
	while (i < s->n_addresses &&
	       !is_pc_of(&q->l->symbols[s->first_symbol], q->l->addresses[s->first_address + i]))
		i++;
	return i;
}

/*
 * The frames of one address from the sample's comment lines, which come in the order of the stack. *next is the first line
 * not used yet.
 */
static bool lines_of(loading *q, const gs_legacy_sample *s, uint64_t address, uint32_t *next)
{
	const gs_legacy_symbol *sym = &q->l->symbols[s->first_symbol];
	uint32_t i = *next;
	uint64_t pc;

	q->frames.n = 0;
	/* Behind the first line the runtime leaves out only this. */
	if (i == s->n_symbols || !is_pc_of(&sym[i], address))
		return push_line(q, GS_S("runtime.goexit"), (gs_str){ 0 }, 0);
	for (pc = sym[i].pc; i < s->n_symbols && sym[i].pc == pc; i++)
		if (sym[i].function.n && !push_line(q, sym[i].function, sym[i].file, sym[i].line))
			return false;
	*next = i;
	return true;
}

static uint32_t node_of(loading *q, const gs_legacy_sample *s)
{
	uint32_t node = GS_ROOT_NODE, next = 0, named = first_named(q, s);

	q->stack.n = 0;
	for (uint32_t i = 0; i < s->n_addresses; i++) {
		uint64_t address = q->l->addresses[s->first_address + i];
		uint32_t id, *slot = gs_vec_push(&q->stack, INT32_MAX);
		bool ok = slot != NULL;

		q->frames.n = 0;
		/* In front of the first line it leaves out its own functions, whichever they were. */
		if (ok && named < s->n_addresses)
			ok = i < named ? push_line(q, GS_S("runtime.(unnamed)"), (gs_str){ 0 }, 0) :
					 lines_of(q, s, address, &next);
		if (!ok)
			return GS_NO_ID;
		id = gs_profile_builder_location_intern(q->b, address,
							gs_legacy_mapping_of(q->l, address),
							q->frames.p, (uint32_t)q->frames.n);
		if (id == GS_NO_ID)
			return id;
		*slot = id;
	}
	for (size_t i = q->stack.n; i-- > 0;) {
		node = gs_profile_builder_push(q->b, node, q->stack.p[i]);
		if (node == GS_NO_ID)
			break;
	}
	return node;
}

static uint32_t labels_of(loading *q, const gs_legacy_sample *s)
{
	q->labels.n = 0;
	for (uint32_t i = 0; i < s->n_labels; i++) {
		const gs_text_label *t = &q->l->labels[s->first_label + i];
		gs_label *l = gs_vec_push(&q->labels, INT32_MAX);

		if (!l)
			return GS_NO_ID;
		*l = (gs_label){ .key = gs_profile_builder_str(q->b, t->key),
				 .str = gs_profile_builder_str(q->b, t->value) };
		if (l->key == GS_NO_ID || l->str == GS_NO_ID)
			return GS_NO_ID;
	}
	if (q->l->kind == GS_LEGACY_HEAP && s->block_bytes) {
		gs_label *l = gs_vec_push(&q->labels, INT32_MAX);

		if (!l)
			return GS_NO_ID;
		*l = (gs_label){ .key = gs_profile_builder_str(q->b, GS_S("bytes")),
				 .num = s->block_bytes,
				 .is_num = true };
		if (l->key == GS_NO_ID)
			return GS_NO_ID;
	}
	return gs_profile_builder_labels(q->b, q->labels.p, (uint32_t)q->labels.n);
}

static gs_value_type type_of(loading *q, gs_legacy_type t)
{
	return (gs_value_type){ gs_profile_builder_str(q->b, t.type),
				gs_profile_builder_str(q->b, t.unit) };
}

static void load_header(loading *q)
{
	const gs_legacy *l = q->l;
	gs_profile *p = gs_profile_builder_profile(q->b);
	const char *drop = cpu_drop;
	bool has_locks = l->kind == GS_LEGACY_CONTENTION;

	p->n_types = l->n_types;
	for (unsigned t = 0; t < l->n_types; t++)
		p->types[t] = type_of(q, l->types[t]);
	p->period_type = type_of(q, l->period_type);
	p->period = l->period;
	p->duration_ns = l->duration_ns;
	p->is_heap_sampled = l->kind == GS_LEGACY_HEAP && l->period > 1;
	if (l->kind == GS_LEGACY_HEAP) {
		drop = heap_drop;
		p->keep_frames = gs_profile_builder_str(q->b, gs_str_of(heap_keep));
	} else if (has_locks) {
		drop = lock_drop;
	}
	p->drop_frames = gs_profile_builder_str(q->b, gs_str_of(drop));
	if (l->is_scaled_twice_by_pprof)
		gs_profile_builder_warn(
			q->b,
			"this mutex text says `sampling period=%lld`, but the runtime multiplied "
			"its numbers by it "
			"already; go tool pprof does so again and shows them %lld times too large",
			(long long)l->period, (long long)l->period);
}

/* `# Alloc = 123` lines as comments of the profile. */
static void load_memstats(loading *q)
{
	gs_str rest = q->l->memstats, line;
	unsigned n = 0;

	while (gs_str_line(&rest, &line) && n++ < 100) {
		line = gs_str_trim(line);
		if (!gs_str_starts(line, GS_S("# ")))
			break;
		gs_profile_builder_comment(q->b, gs_str_slice(line, 0, 4096));
	}
}

static bool load_profile(loading *q, gs_err *err)
{
	gs_legacy *l = q->l;

	load_header(q);
	load_memstats(q);
	for (uint32_t i = 0; i < l->n_samples; i++) {
		const gs_legacy_sample *from = &l->samples[i];
		gs_sample s = { .node = node_of(q, from),
				.labels = labels_of(q, from),
				.values = from->values };

		if (!gs_profile_builder_sample(q->b, &s))
			return no_memory(err);
	}
	for (uint32_t i = 0; i < l->n_mappings; i++) {
		const gs_legacy_mapping *m = &l->mappings[i];
		gs_mapping row = { .start = m->start,
				   .limit = m->limit,
				   .offset = m->offset,
				   .file = gs_profile_builder_str(q->b, m->file),
				   .build_id = gs_profile_builder_str(q->b, m->build_id),
				   .file_id = i + 1 };

		if (row.file == GS_NO_ID || row.build_id == GS_NO_ID ||
		    gs_profile_builder_mapping(q->b, row) == GS_NO_ID)
			return no_memory(err);
	}
	return true;
}

static int probe(gs_str bytes)
{
	return gs_legacy_is(gs_str_slice(bytes, 0, 65536)) ? GS_PROBE_SURE : GS_PROBE_NO;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(doc->mem));
	gs_legacy legacy;
	loading q = { .l = &legacy };
	bool ok;

	if (!gs_legacy_parse(scratch, src->bytes, &legacy, err))
		return false;
	q.b = gs_profile_builder_create(doc->mem, err);
	ok = q.b && load_profile(&q, err);
	gs_vec_release(&q.frames);
	gs_vec_release(&q.stack);
	gs_vec_release(&q.labels);
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(q.b, err);
	return doc->profile != NULL;
}

const gs_recogniser gs_recogniser_legacy = {
	.name = "legacy",
	.title = "a legacy profile (debug=1 text, binary CPU)",
	.probe = probe,
	.load = load,
};
