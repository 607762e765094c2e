#include "capture/perf_records.h"

#include "base/banned.h"

enum { MAX_KERNEL_IPS = 1 << 20, RECORD_MISC_EXACT_IP = 1 << 14 };
#define CONTEXT_MAX ((uint64_t)-4095)

void gs_perf_sink_release(gs_perf_sink *s)
{
	gs_map_release(&s->pids);
	gs_map_release(&s->tids);
	gs_map_release(&s->kernel_ips);
}

bool gs_perf_sink_add_pid(gs_perf_sink *s, uint32_t pid)
{
	bool is_new;

	return gs_map_put(&s->pids, pid, &is_new) != NULL;
}

void gs_perf_put_u32(gs_buf *out, uint32_t v)
{
	gs_buf_add(out, &v, sizeof(v));
}

void gs_perf_put_u64(gs_buf *out, uint64_t v)
{
	gs_buf_add(out, &v, sizeof(v));
}

void gs_perf_put_text(gs_buf *out, gs_str s)
{
	gs_buf_str(out, s);
	gs_buf_fill(out, 0, 8 - s.n % 8);
}

size_t gs_perf_record_begin(gs_buf *out, uint32_t type, uint16_t misc)
{
	struct perf_event_header h = { .type = type, .misc = misc };
	size_t at = out->n;

	gs_buf_add(out, &h, sizeof(h));
	return at;
}

void gs_perf_record_end(gs_buf *out, size_t at, uint32_t pid, uint32_t tid, bool has_trailer)
{
	uint16_t size;

	if (has_trailer) {
		gs_perf_put_u32(out, pid);
		gs_perf_put_u32(out, tid);
		gs_perf_put_u64(out, 0);
		gs_perf_put_u64(out, 0);
	}
	if (out->bad || out->n - at > UINT16_MAX) {
		if (!out->bad)
			out->n = at;
		return;
	}
	size = (uint16_t)(out->n - at);
	memcpy(out->p + at + offsetof(struct perf_event_header, size), &size, sizeof(size));
}

static bool is_ours(const gs_perf_sink *s, uint32_t pid)
{
	return s->takes_all || gs_map_get(&s->pids, pid) != NULL;
}

typedef struct sample {
	uint64_t ip, time, period;
	uint32_t pid, tid, cpu;
	uint64_t n_chain;
	uint64_t chain[GS_PERF_MAX_CHAIN];
	gs_perf_user_top top;
} sample;

static bool read_sample(gs_rd *r, bool has_extra, sample *x)
{
	uint64_t abi, size, dynamic;

	x->ip = gs_rd_u64le(r);
	x->pid = gs_rd_u32le(r);
	x->tid = gs_rd_u32le(r);
	x->time = gs_rd_u64le(r);
	x->cpu = gs_rd_u32le(r);
	gs_rd_skip(r, 4);
	x->period = gs_rd_u64le(r);
	x->n_chain = gs_rd_u64le(r);
	if (r->bad || x->n_chain > GS_PERF_MAX_CHAIN)
		return false;
	for (uint64_t i = 0; i < x->n_chain; i++)
		x->chain[i] = gs_rd_u64le(r);
	x->top = (gs_perf_user_top){ 0 };
	if (has_extra) {
		abi = gs_rd_u64le(r);
		if (abi) {
			x->top.lr = gs_rd_u64le(r);
			x->top.sp = gs_rd_u64le(r);
			x->top.ip = gs_rd_u64le(r);
		}
		size = gs_rd_u64le(r);
		if (size > GS_PERF_STACK_BYTES || size % 8)
			return false;
		for (uint64_t i = 0; i < size / 8; i++)
			x->top.stack[i] = gs_rd_u64le(r);
		dynamic = size ? gs_rd_u64le(r) : 0;
		x->top.n_stack = (unsigned)((dynamic < size ? dynamic : size) / 8);
		if (!abi)
			x->top.n_stack = 0;
	}
	return !r->bad;
}

/*
 * A function that has set up no frame yet (or never does) is not on the chain of frame pointers, and its caller is skipped: put the
 * caller back where the program's tables know where the return address is.
 */
static void repair(gs_perf_sink *s, sample *x)
{
	uint64_t at = 0, caller;

	while (at < x->n_chain && x->chain[at] != (uint64_t)PERF_CONTEXT_USER)
		at++;
	/* at: the marker; at + 1: the innermost user frame */
	if (!s->caller_of_leaf || at + 1 >= x->n_chain || x->n_chain == GS_PERF_MAX_CHAIN || x->top.n_stack == 0 ||
	    x->chain[at + 1] != x->top.ip)
		return;
	caller = s->caller_of_leaf(s->ctx, x->pid, &x->top);
	if (!caller || (at + 2 < x->n_chain && x->chain[at + 2] == caller))
		return;
	memmove(&x->chain[at + 3], &x->chain[at + 2], (x->n_chain - at - 2) * sizeof(x->chain[0]));
	x->chain[at + 2] = caller;
	x->n_chain++;
	s->n_repaired++;
}

/* A walk through code without frame pointers ends at whatever the register held: what can be no code ends the chain. */
static void cut_rubbish(sample *x)
{
	bool is_user = false;

	for (uint64_t i = 0; i < x->n_chain; i++) {
		uint64_t a = x->chain[i];

		if (a >= CONTEXT_MAX) {
			is_user = a == (uint64_t)PERF_CONTEXT_USER;
		} else if (is_user && (a < 4096 || a >> 56) && x->chain[i - 1] < CONTEXT_MAX) {
			x->n_chain = i;
			return;
		}
	}
}

static void note_kernel_ips(gs_perf_sink *s, const sample *x)
{
	bool is_kernel = false, is_new;

	for (uint64_t i = 0; i < x->n_chain; i++) {
		if (x->chain[i] >= CONTEXT_MAX)
			is_kernel = x->chain[i] == (uint64_t)PERF_CONTEXT_KERNEL;
		else if (is_kernel && s->kernel_ips.n < MAX_KERNEL_IPS)
			(void)gs_map_put(&s->kernel_ips, x->chain[i], &is_new);
	}
}

static void take_sample(gs_perf_sink *s, gs_rd *r, const struct perf_event_header *h)
{
	sample x;
	size_t at;

	if (!read_sample(r, s->has_extra, &x)) {
		s->n_bad++;
		return;
	}
	if (!is_ours(s, x.pid) || x.time < s->begin_ns || (s->end_ns && x.time > s->end_ns))
		return;
	repair(s, &x);
	cut_rubbish(&x);
	note_kernel_ips(s, &x);
	s->n_samples++;
	if ((h->misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL)
		s->n_kernel++;
	else
		s->n_user++;
	if (!s->first_ns || x.time < s->first_ns)
		s->first_ns = x.time;
	if (x.time > s->last_ns)
		s->last_ns = x.time;
	at = gs_perf_record_begin(s->out, PERF_RECORD_SAMPLE, h->misc);
	gs_perf_put_u64(s->out, x.ip);
	gs_perf_put_u32(s->out, x.pid);
	gs_perf_put_u32(s->out, x.tid);
	gs_perf_put_u64(s->out, x.time);
	gs_perf_put_u32(s->out, x.cpu);
	gs_perf_put_u32(s->out, 0);
	gs_perf_put_u64(s->out, x.period);
	gs_perf_put_u64(s->out, x.n_chain);
	gs_buf_add(s->out, x.chain, x.n_chain * sizeof(x.chain[0]));
	gs_perf_record_end(s->out, at, 0, 0, false);
}

static void take_fork(gs_perf_sink *s, gs_rd r)
{
	uint32_t pid = gs_rd_u32le(&r), ppid = gs_rd_u32le(&r), tid = gs_rd_u32le(&r);
	bool is_new;

	if (r.bad || !is_ours(s, ppid))
		return;
	if (s->follows_children)
		(void)gs_perf_sink_add_pid(s, pid);
	(void)gs_map_put(&s->tids, tid, &is_new);
}

static void take_map(gs_perf_sink *s, gs_rd r, uint32_t pid)
{
	gs_perf_map m = { .pid = pid };
	gs_str gone = GS_S(" (deleted)");
	uint64_t size;
	uint32_t prot;

	gs_rd_skip(&r, 8); /* pid, tid */
	m.start = gs_rd_u64le(&r);
	size = gs_rd_u64le(&r);
	m.offset = gs_rd_u64le(&r);
	gs_rd_skip(&r, 4 + 4); /* device */
	m.inode = gs_rd_u64le(&r);
	gs_rd_skip(&r, 8); /* generation */
	prot = gs_rd_u32le(&r);
	gs_rd_skip(&r, 4);
	m.path = (gs_str){ (const char *)r.p, gs_rd_left(&r) };
	m.path = gs_str_slice(m.path, 0, gs_str_find_char(m.path, '\0'));
	if (gs_str_ends(m.path, gone))
		m.path.n -= gone.n;
	if (r.bad || !(prot & 4) || size > UINT64_MAX - m.start || !s->on_map)
		return;
	m.limit = m.start + size;
	s->on_map(s->ctx, &m);
}

void gs_perf_sink_take(gs_perf_sink *s, gs_str record)
{
	gs_rd r = gs_rd_of(record), body;
	struct perf_event_header h = { .type = gs_rd_u32le(&r), .misc = gs_rd_u16le(&r), .size = gs_rd_u16le(&r) };
	uint32_t pid;

	if (r.bad || h.size != record.n) {
		s->n_bad++;
		return;
	}
	body = r;
	pid = gs_rd_u32le(&body);
	switch (h.type) {
	case PERF_RECORD_SAMPLE:
		take_sample(s, &r, &h);
		return;
	case PERF_RECORD_LOST:
		gs_rd_skip(&r, 8);
		s->n_lost += gs_rd_u64le(&r);
		break;
	case PERF_RECORD_LOST_SAMPLES:
		s->n_lost += gs_rd_u64le(&r);
		break;
	case PERF_RECORD_THROTTLE:
	case PERF_RECORD_UNTHROTTLE:
		s->n_throttled += h.type == PERF_RECORD_THROTTLE;
		break;
	case PERF_RECORD_FORK:
		take_fork(s, r);
		if (!is_ours(s, pid))
			return;
		break;
	case PERF_RECORD_MMAP2:
		if (!is_ours(s, pid))
			return;
		take_map(s, r, pid);
		break;
	case PERF_RECORD_COMM:
	case PERF_RECORD_EXIT:
	case PERF_RECORD_MMAP:
		if (!is_ours(s, pid))
			return;
		break;
	default:
		return;
	}
	if (body.bad)
		s->n_bad++;
	else
		gs_buf_str(s->out, record);
}
