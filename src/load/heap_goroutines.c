#include "load/heap_build.h"

#include "base/banned.h"

enum {
	MAX_WAITS = 1 << 26,
	MAX_FRAMES = 1 << 27,
	MAX_LABELS = 1 << 24,
	MAX_LABELS_EACH = 256,
	MAX_CHAIN = 1 << 20, /* sudogs of one goroutine, or of one queue */
	N_SEMA_ROOTS = 251, /* runtime/sema.go, semTabSize */
	MAX_SEMA_DEPTH = 128,
	MAX_TEXT = 4096,
	N_REASONS = 128,
};

typedef struct physical { /* a frame's place on its stack */
	uint64_t from, to;
	uint32_t frame; /* the outermost of its inlined calls: the function itself */
} physical;

typedef struct reader {
	heap_build *b;
	gs_map of_addr; /* g address -> goroutine index */
	gs_map thread_of; /* kernel thread -> index in in->threads */
	gs_map queue_of;  /* sudog -> queue of its channel; or the lower half of its Cond list's address */
	gs_map is_listed; /* channels whose queues are in there */
	uint32_t reasons[N_REASONS];
	bool has_reason[N_REASONS];
	GS_VEC(physical) physicals;
	uint32_t goroutine;
	bool is_out_of_memory;
} reader;

static uint64_t at(const heap_build *b, uint64_t addr, int32_t offset)
{
	return gs_go_u64(&b->rt.image, addr + (uint64_t)offset);
}

/* ---- frames ---- */

static bool add_frames(reader *r, uint64_t pc, bool is_call)
{
	uint32_t i = heap_frames_at(r->b, pc, is_call);

	for (bool is_inlined = i != UINT32_MAX; is_inlined; i++) {
		gs_heap_frame *f = gs_vec_push(&r->b->frames, MAX_FRAMES);

		if (!f) {
			i = UINT32_MAX;
			break;
		}
		*f = r->b->code.p[i];
		f->pc = pc;
		is_inlined = f->is_inlined;
	}
	r->is_out_of_memory |= i == UINT32_MAX;
	return i != UINT32_MAX;
}

static gs_heap_frame one_frame(reader *r, uint64_t pc, bool is_call)
{
	gs_heap_frame f = { 0 };
	uint32_t i;

	if (!pc)
		return f;
	i = heap_frames_at(r->b, pc, is_call);
	if (i == UINT32_MAX) {
		r->is_out_of_memory = true;
		return f;
	}
	f = r->b->code.p[i];
	f.pc = pc;
	return f;
}

static void on_frame(void *ctx, const gs_go_frame *f)
{
	reader *r = ctx;
	physical *p;

	/* A return address lies behind its call. */
	if (!add_frames(r, f->pc, !f->is_innermost))
		return;
	p = gs_vec_push(&r->physicals, MAX_FRAMES);
	if (!p) {
		r->is_out_of_memory = true;
		return;
	}
	/* A frame's arguments belong to it, though they lie in its caller's part. */
	*p = (physical){ f->sp, f->fp, (uint32_t)r->b->frames.n - 1 };
	if (r->b->rt.dwarf) {
		heap_stack_frame *s = gs_vec_push(&r->b->stack_frames, MAX_FRAMES);

		if (s)
			*s = (heap_stack_frame){ f->is_innermost ? f->pc : f->pc - 1, f->fp, p->frame };
	}
}

static void on_word(void *ctx, uint64_t addr, uint64_t value, bool is_guess)
{
	reader *r = ctx;
	size_t before = r->b->roots.n;

	if (!heap_add_root(r->b, addr ? GS_HEAP_ROOT_STACK : GS_HEAP_ROOT_REGISTER, addr, value)) {
		r->is_out_of_memory = true;
		return;
	}
	if (r->b->roots.n > before) {
		gs_heap_root *root = &r->b->roots.p[before].r;

		root->goroutine = r->goroutine;
		root->is_guess = is_guess;
	}
}

/* Which frame a word belongs to is known when all frames are. */
static void name_roots(reader *r, size_t from)
{
	heap_build *b = r->b;

	for (size_t i = from; i < b->roots.n; i++) {
		gs_heap_root *root = &b->roots.p[i].r;
		size_t lo = 0, hi = r->physicals.n;

		if (root->kind != GS_HEAP_ROOT_STACK)
			continue;
		while (lo < hi) { /* the first that ends behind the word; frames go up */
			size_t mid = lo + (hi - lo) / 2;

			if (r->physicals.p[mid].to <= root->at)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < r->physicals.n && r->physicals.p[lo].from <= root->at) {
			root->frame = r->physicals.p[lo].frame;
			root->name = b->frames.p[root->frame].function;
		} else {
			root->kind = GS_HEAP_ROOT_GOROUTINE;
		}
	}
}

/* ---- what it waits for ---- */

static bool add_wait(reader *r, gs_heap_wait wait)
{
	gs_heap_wait *w = gs_vec_push(&r->b->waits, MAX_WAITS);

	if (!w) {
		r->is_out_of_memory = true;
		return false;
	}
	*w = wait;
	w->object = w->waiter_object = GS_HEAP_NONE;
	return true;
}

typedef enum queue { QUEUE_NONE, QUEUE_RECEIVERS, QUEUE_SENDERS } queue;

/* Which of the channel's queues this sudog is in: none when it was taken out to be woken. */
static queue queue_of(reader *r, uint64_t sudog, uint64_t channel)
{
	const heap_build *b = r->b;
	const gs_go_offsets *o = &b->rt.o;
	uint32_t *known = gs_map_get(&r->queue_of, sudog), *is_listed;
	bool is_new;

	if (known)
		return (queue)*known;
	is_listed = gs_map_put(&r->is_listed, channel, &is_new);
	if (!is_listed || !is_new)
		return QUEUE_NONE;
	for (queue q = QUEUE_RECEIVERS; q <= QUEUE_SENDERS; q++) {
		uint64_t at_queue = at(b, channel, q == QUEUE_SENDERS ? o->hchan_sendq : o->hchan_recvq);

		for (unsigned i = 0; at_queue && i < MAX_CHAIN; i++) {
			known = gs_map_put(&r->queue_of, at_queue, &is_new);
			if (!known || !is_new)
				break;
			*known = q;
			at_queue = at(b, at_queue, o->sudog_next);
		}
	}
	known = gs_map_get(&r->queue_of, sudog);
	return known ? (queue)*known : QUEUE_NONE;
}

/* May the timer behind a channel still send, unless somebody who has it sets it anew (and has its channel with it)? Not when it is stopped or has fired
 * and nobody is about to change that: runtime/time.go, unlockAndRun. */
static bool may_fire(const heap_build *b, uint64_t timer)
{
	const gs_go_offsets *o = &b->rt.o;
	const int32_t fields[] = { o->timer_mu, o->timer_when, o->timer_send_lock };
	unsigned char raw[8];

	if (!timer)
		return false;
	if (o->timer_is_sending == GS_GO_NONE || !gs_go_read(&b->rt.image, timer + (uint64_t)o->timer_is_sending, raw, 4) ||
	    gs_peek_u32(raw, false))
		return true;
	for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fields[i] == GS_GO_NONE || !gs_go_read(&b->rt.image, timer + (uint64_t)fields[i], raw, 8) || gs_go_load(raw))
			return true;
	return false;
}

static void channel_waits(reader *r, const gs_go_g *g)
{
	const gs_go_offsets *o = &r->b->rt.o;
	uint64_t sudog = g->waiting;

	for (unsigned i = 0; sudog && i < MAX_CHAIN; i++) {
		uint64_t c = at(r->b, sudog, o->sudog_c);
		gs_heap_wait w = { .addr = c, .waiter = sudog, .goroutine = r->goroutine };
		queue q;

		/* From Go 1.26 on a semaphore's waiter is here too; its links are those of the semaphore's queue. */
		if (!c)
			return;
		q = queue_of(r, sudog, c);
		w.kind = q == QUEUE_SENDERS ? GS_HEAP_WAIT_SEND : GS_HEAP_WAIT_RECEIVE;
		w.is_select = gs_go_u8(&r->b->rt.image, sudog + (uint64_t)o->sudog_is_select) & 1;
		w.is_settled = q != QUEUE_NONE && (o->hchan_timer == GS_GO_NONE || !may_fire(r->b, at(r->b, c, o->hchan_timer)));
		if (!add_wait(r, w))
			return;
		sudog = at(r->b, sudog, o->sudog_waitlink);
	}
}

/* Is there a list of a Cond at `list` that this sudog is in? */
static bool is_in_list(reader *r, uint64_t list, uint64_t sudog)
{
	const gs_go_offsets *o = &r->b->rt.o;
	const uint32_t *known = gs_map_get(&r->queue_of, sudog);
	uint64_t here = at(r->b, list, o->notify_list_head), last = at(r->b, list, o->notify_list_head + 8);
	bool is_new;
	uint32_t *number;

	if (known)
		return *known && *known == (uint32_t)list;
	if (!here || !last || !gs_go_span_at(&r->b->rt, here) || !gs_map_get(&r->of_addr, at(r->b, here, o->sudog_g)))
		return false;
	for (unsigned i = 0; here && i < MAX_CHAIN; i++) {
		number = gs_map_put(&r->queue_of, here, &is_new);
		if (!number || !is_new)
			return false;
		*number = (uint32_t)list;
		here = at(r->b, here, o->sudog_next);
	}
	number = gs_map_get(&r->queue_of, sudog);
	return number && *number == (uint32_t)list;
}

/* sync.Cond: { noCopy; L Locker; notify notifyList; ...} */
enum { COND_NOTIFY = 16 };

/* Cond: its list leads to a sudog of the heap that belongs to this goroutine, and both are on the goroutine's stack. */
static void notify_wait(reader *r, const gs_go_g *g, size_t first_root)
{
	heap_build *b = r->b;
	gs_heap_wait w = { .kind = GS_HEAP_WAIT_NOTIFY, .goroutine = r->goroutine };

	for (size_t i = first_root; i < b->roots.n && !w.waiter; i++) {
		const heap_root *root = &b->roots.p[i];
		const gs_go_span *s = gs_go_span_at(&b->rt, root->value);

		if (root->r.kind == GS_HEAP_ROOT_STACK && s && s->elem_bytes >= (uint64_t)b->rt.o.sudog_size &&
		    s->elem_bytes < 2 * (uint64_t)b->rt.o.sudog_size && (root->value - s->base) % s->elem_bytes == 0 &&
		    at(b, root->value, b->rt.o.sudog_g) == g->addr)
			w.waiter = root->value;
	}
	if (!w.waiter)
		return;
	w.addr = w.waiter;
	for (size_t i = first_root; i < b->roots.n && !w.is_settled; i++) {
		const heap_root *root = &b->roots.p[i];

		for (uint64_t offset = 0; root->r.kind == GS_HEAP_ROOT_STACK && offset <= COND_NOTIFY && !w.is_settled; offset += COND_NOTIFY)
			if (is_in_list(r, root->value + offset, w.waiter)) {
				w.is_settled = true;
				w.addr = root->value + offset;
			}
	}
	add_wait(r, w);
}

static void semaphore_waiters(reader *r, uint64_t sudog)
{
	const gs_go_offsets *o = &r->b->rt.o;
	uint64_t addr = at(r->b, sudog, o->sudog_elem);

	for (unsigned i = 0; sudog && i < MAX_CHAIN; i++) {
		const uint32_t *g = gs_map_get(&r->of_addr, at(r->b, sudog, o->sudog_g));

		if (g)
			add_wait(r, (gs_heap_wait){ .addr = addr, .waiter = sudog, .goroutine = *g, .kind = GS_HEAP_WAIT_SEMAPHORE,
						    .is_settled = true });
		sudog = at(r->b, sudog, o->sudog_waitlink);
	}
}

static void semaphore_tree(reader *r, uint64_t root)
{
	const gs_go_offsets *o = &r->b->rt.o;
	uint64_t stack[MAX_SEMA_DEPTH];
	unsigned n = 0, steps = 0;

	if (root)
		stack[n++] = root;
	while (n && steps++ < MAX_CHAIN) {
		uint64_t sudog = stack[--n], prev = at(r->b, sudog, o->sudog_prev), next = at(r->b, sudog, o->sudog_next);

		semaphore_waiters(r, sudog);
		if (prev && n < MAX_SEMA_DEPTH)
			stack[n++] = prev;
		if (next && n < MAX_SEMA_DEPTH)
			stack[n++] = next;
	}
}

/* Does a variable that holds this lead to a waiter on a semaphore? Then it is a root of the table. */
static bool is_semaphore_root(const reader *r, uint64_t value)
{
	const gs_go_offsets *o = &r->b->rt.o;
	const gs_go_span *s = gs_go_span_at(&r->b->rt, value);
	const uint32_t *g;

	if (!s || s->elem_bytes < (uint64_t)o->sudog_size || (value - s->base) % s->elem_bytes)
		return false;
	g = gs_map_get(&r->of_addr, at(r->b, value, o->sudog_g));
	return g && r->b->h->goroutines[*g].status == GS_GO_G_WAITING && at(r->b, value, o->sudog_elem) &&
	       !at(r->b, value, o->sudog_c) && !at(r->b, value, o->sudog_parent);
}

/* The table is 251 trees of waiters by address. */
static void semaphores(reader *r)
{
	const gs_go_offsets *o = &r->b->rt.o;

	if (r->b->rt.v.semtable && o->sema_root_size != GS_GO_NONE) {
		for (unsigned i = 0; i < N_SEMA_ROOTS; i++)
			semaphore_tree(r, at(r->b, r->b->rt.v.semtable + i * (uint64_t)o->sema_root_size, o->sema_treap));
		return;
	}
	/* Stripped: the variables that lead to such trees are the table. */
	for (size_t i = 0; i < r->b->roots.n; i++)
		if (r->b->roots.p[i].r.kind == GS_HEAP_ROOT_GLOBAL && is_semaphore_root(r, r->b->roots.p[i].value))
			semaphore_tree(r, r->b->roots.p[i].value);
}

/* ---- labels ---- */

static void add_label(reader *r, uint64_t key, uint64_t value)
{
	heap_build *b = r->b;
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_heap_label *l = gs_vec_push(&b->labels, MAX_LABELS);

	if (!l) {
		r->is_out_of_memory = true;
		return;
	}
	l->key = heap_string(b, gs_go_string(&b->rt.image, scratch, key, MAX_TEXT));
	l->value = heap_string(b, gs_go_string(&b->rt.image, scratch, value, MAX_TEXT));
}

/* Until Go 1.23 a map[string]string: buckets of eight, keys and values apart. */
static void labels_of_map(reader *r, uint64_t hmap)
{
	const gs_go_offsets *o = &r->b->rt.o;
	uint8_t log2;
	uint64_t buckets;
	unsigned left = MAX_LABELS_EACH;

	if (!hmap || o->hmap_b == GS_GO_NONE)
		return;
	log2 = gs_go_u8(&r->b->rt.image, hmap + (uint64_t)o->hmap_b);
	buckets = at(r->b, hmap, o->hmap_buckets);
	for (uint64_t i = 0; log2 < 8 && i < (uint64_t)1 << log2; i++)
		for (uint64_t bucket = buckets + i * 272; bucket && left; bucket = gs_go_u64(&r->b->rt.image, bucket + 264))
			for (unsigned k = 0; k < 8 && left; k++)
				if (gs_go_u8(&r->b->rt.image, bucket + k) >= 5) { /* smaller: empty, or moved */
					add_label(r, bucket + 8 + 16 * k, bucket + 136 + 16 * k);
					left--;
				}
}

static void labels(reader *r, const gs_go_g *g)
{
	uint64_t list, n;

	if (!g->labels)
		return;
	list = gs_go_u64(&r->b->rt.image, g->labels);
	if (r->b->rt.minor < 24) {
		labels_of_map(r, list);
		return;
	}
	n = gs_go_u64(&r->b->rt.image, g->labels + 8);
	for (uint64_t i = 0; i < n && i < MAX_LABELS_EACH; i++)
		add_label(r, list + 32 * i, list + 32 * i + 16);
}

/* ---- goroutines ---- */

static uint32_t reason(reader *r, const gs_go_g *g)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);

	if (g->waitreason >= N_REASONS || !r->b->rt.v.wait_reasons)
		return 0;
	if (!r->has_reason[g->waitreason]) {
		r->has_reason[g->waitreason] = true;
		r->reasons[g->waitreason] = heap_string(
			r->b, gs_go_string(&r->b->rt.image, scratch, r->b->rt.v.wait_reasons + 16 * (uint64_t)g->waitreason, 64));
	}
	return r->reasons[g->waitreason];
}

static bool is_system(gs_str start)
{
	return gs_str_starts(start, GS_S("runtime.")) && !gs_str_eq(start, GS_S("runtime.main")) &&
	       !gs_str_eq(start, GS_S("runtime.corostart")) && !gs_str_eq(start, GS_S("runtime.handleAsyncEvent"));
}

static void read_one(reader *r, const gs_go_g *g, gs_heap_goroutine *out)
{
	heap_build *b = r->b;
	const gs_go_registers *registers = NULL;
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 34);
	const gs_go_stack_visitor visitor = { r, on_frame, on_word };
	size_t first_root = b->roots.n;
	gs_str why;

	*out = (gs_heap_goroutine){
		.id = g->id,
		.addr = g->addr,
		.object = GS_HEAP_NONE,
		.status = (uint8_t)g->status,
		.creator_id = g->parent_id,
		.creator = g->id == 1 ? (gs_heap_frame){ 0 } : one_frame(r, g->gopc, true), /* the start of the program makes the first one */
		.start = one_frame(r, g->startpc, false),
		.stack_bytes = g->stack_hi - g->stack_lo,
		.first_frame = (uint32_t)b->frames.n,
		.first_wait = (uint32_t)b->waits.n,
		.first_label = (uint32_t)b->labels.n,
	};
	out->is_system = is_system(gs_strtab_get(&b->h->strings, out->start.function));
	if (g->m) {
		const uint32_t *t;

		out->thread_id = at(b, g->m, b->rt.o.m_procid);
		t = gs_map_get(&r->thread_of, out->thread_id);
		if (t && g->status == GS_GO_G_RUNNING)
			registers = &b->in->threads[*t].registers;
	}
	r->physicals.n = 0;
	if (!gs_go_stack_walk(&b->rt, scratch, g, registers, &visitor))
		b->n_lost_stacks++;
	if (g->stack_hi > g->stack_lo && b->frames.n == out->first_frame)
		b->h->totals.unread++;
	name_roots(r, first_root);
	out->n_frames = (uint32_t)b->frames.n - out->first_frame;
	if (g->status == GS_GO_G_WAITING || g->status == GS_HEAP_G_LEAKED) {
		out->wait_reason = reason(r, g);
		why = gs_strtab_get(&b->h->strings, out->wait_reason);
		if (gs_str_eq(why, GS_S("sync.Cond.Wait")))
			notify_wait(r, g, first_root);
		else
			channel_waits(r, g);
	}
	out->n_waits = (uint32_t)b->waits.n - out->first_wait;
	labels(r, g);
	out->n_labels = (uint32_t)b->labels.n - out->first_label;
}

static int64_t now(const heap_build *b)
{
	uint64_t poll = b->rt.v.sched ? at(b, b->rt.v.sched, b->rt.o.sched_lastpoll) : 0;
	uint64_t gc = b->rt.v.memstats && b->rt.o.mstats_last_gc != GS_GO_NONE ? at(b, b->rt.v.memstats, b->rt.o.mstats_last_gc) : 0;

	return (int64_t)(poll > gc ? poll : gc);
}

static bool read_all(reader *r, const unsigned char *list, uint64_t n, gs_err *err)
{
	heap_build *b = r->b;
	gs_heap *h = b->h;
	int64_t latest = now(b);

	for (uint64_t i = 0; i < n && !r->is_out_of_memory; i++) {
		gs_heap_goroutine *out = &h->goroutines[h->n_goroutines];
		uint32_t *index;
		bool is_new;
		gs_go_g g;

		if (!gs_go_g_read(&b->rt, gs_go_load(list + 8 * i), &g)) {
			h->totals.unread++;
			continue;
		}
		if (g.status == GS_GO_G_DEAD || g.status == GS_GO_G_IDLE || g.status > GS_HEAP_G_LEAKED)
			continue;
		index = gs_map_put(&r->of_addr, g.addr, &is_new);
		if (!index || !is_new)
			continue;
		*index = r->goroutine = h->n_goroutines;
		read_one(r, &g, out);
		if (g.waitsince > latest)
			latest = g.waitsince;
		out->wait_ns = g.status == GS_GO_G_WAITING || g.status == GS_GO_G_SYSCALL ? g.waitsince : 0;
		h->n_goroutines++;
	}
	for (uint32_t i = 0; i < h->n_goroutines; i++) {
		gs_heap_goroutine *g = &h->goroutines[i];

		if (g->wait_ns)
			g->wait_ns = latest - g->wait_ns;
	}
	semaphores(r);
	return !r->is_out_of_memory || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %llu goroutines",
					       (unsigned long long)n);
}

bool heap_goroutines(heap_build *b, gs_err *err)
{
	reader r = { .b = b };
	const unsigned char *list;
	uint64_t n;
	bool ok = false, is_new;

	if (!gs_go_goroutines(&b->rt, &list, &n))
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "the list of goroutines is not in the image");
	b->h->goroutines = gs_try_new(b->h->mem, gs_heap_goroutine, n);
	if (!b->h->goroutines)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %llu goroutines", (unsigned long long)n);
	for (uint32_t i = 0; i < b->in->n_threads; i++) {
		uint32_t *t = gs_map_put(&r.thread_of, b->in->threads[i].id, &is_new);

		if (t)
			*t = i;
	}
	ok = read_all(&r, list, n, err);
	gs_map_release(&r.of_addr);
	gs_map_release(&r.thread_of);
	gs_map_release(&r.queue_of);
	gs_map_release(&r.is_listed);
	gs_vec_release(&r.physicals);
	return ok;
}
