#include "capture/perf_file.h"

#include <errno.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "capture/perf_records.h"
#include "base/banned.h"

enum {
	HEADER_BYTES = 104,
	DATA_SIZE_AT = 48,
	FEATURE_BUILD_ID = 2,
	FEATURE_HOSTNAME = 3,
	FEATURE_OSRELEASE = 4,
	FEATURE_VERSION = 5,
	FEATURE_ARCH = 6,
	FEATURE_NRCPUS = 7,
	FEATURE_CMDLINE = 11,
	FEATURE_EVENT_DESC = 12,
	FEATURE_SAMPLE_TIME = 21,
	FEATURE_CLOCKID = 23,
	FEATURE_CLOCK_DATA = 29,
	N_FEATURES = 30,
	MISC_BUILD_ID_SIZE = 1 << 15,
	RECORD_HEADER_BUILD_ID = 67,
};

static void put_header(gs_buf *out, const gs_perf_file *f, uint64_t features)
{
	gs_buf_add(out, "PERFILE2", 8);
	gs_perf_put_u64(out, HEADER_BYTES);
	gs_perf_put_u64(out, sizeof(f->attr) + 16);
	gs_perf_put_u64(out, HEADER_BYTES); /* attributes: where, how long */
	gs_perf_put_u64(out, sizeof(f->attr) + 16);
	gs_perf_put_u64(out, f->data_at);
	gs_perf_put_u64(out, f->data_bytes);
	gs_perf_put_u64(out, 0); /* event types: unused for long */
	gs_perf_put_u64(out, 0);
	gs_perf_put_u64(out, features);
	for (int i = 0; i < 3; i++)
		gs_perf_put_u64(out, 0);
}

bool gs_perf_file_begin(gs_perf_file *f, int fd, const struct perf_event_attr *attr, const char *event_name, gs_err *err)
{
	GS_AUTO(buf) b = { 0 };

	*f = (gs_perf_file){ .fd = fd, .attr = *attr, .event_name = event_name, .data_at = HEADER_BYTES + sizeof(*attr) + 16 };
	gs_buf_init(&b, 4096);
	put_header(&b, f, 0);
	gs_buf_add(&b, attr, sizeof(*attr));
	gs_perf_put_u64(&b, 0); /* ids: one event needs none */
	gs_perf_put_u64(&b, 0);
	return gs_fd_write(fd, gs_buf_view(&b), err);
}

/* How many of the first `n` bytes are whole records? */
static size_t whole(gs_str records, size_t n)
{
	size_t at = 0;

	while (n - at >= sizeof(struct perf_event_header)) {
		struct perf_event_header h;

		memcpy(&h, records.p + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > n - at)
			break;
		at += h.size;
	}
	return at;
}

bool gs_perf_file_add(gs_perf_file *f, gs_str records, gs_err *err)
{
	size_t done = 0;

	while (done < records.n) {
		ssize_t n = write(f->fd, records.p + done, records.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int e = n < 0 ? errno : ENOSPC;

			done = whole(records, done);
			f->data_bytes += done;
			f->is_full = true;
			(void)!ftruncate(f->fd, (off_t)(f->data_at + f->data_bytes));
			return gs_fail_errno(err, e, "write", "perf.data");
		}
		done += (size_t)n;
	}
	f->data_bytes += records.n;
	/* Should we be killed, the file is good up to here. */
	(void)!pwrite(f->fd, &f->data_bytes, sizeof(f->data_bytes), DATA_SIZE_AT);
	return true;
}

/* Strings of the header: length, text, padding to 64 bytes. */
static void put_string(gs_buf *out, gs_str s)
{
	size_t size = (s.n + 1 + 63) / 64 * 64;

	gs_perf_put_u32(out, (uint32_t)size);
	gs_buf_str(out, s);
	gs_buf_fill(out, 0, size - s.n);
}

static void put_build_ids(gs_buf *out, const gs_perf_file_facts *facts)
{
	for (unsigned i = 0; i < facts->n_build_ids; i++) {
		const gs_perf_build_id *b = &facts->build_ids[i];
		char id[24] = { 0 };
		size_t at, name = (b->path.n + 1 + 63) / 64 * 64;

		if (b->id.n == 0 || b->id.n > 20 || name > 4096)
			continue;
		memcpy(id, b->id.p, b->id.n);
		id[20] = (char)b->id.n;
		at = gs_perf_record_begin(out, RECORD_HEADER_BUILD_ID,
					  (uint16_t)(MISC_BUILD_ID_SIZE |
						     (b->is_kernel ? PERF_RECORD_MISC_KERNEL : PERF_RECORD_MISC_USER)));
		gs_perf_put_u32(out, (uint32_t)b->pid);
		gs_buf_add(out, id, sizeof(id));
		gs_buf_str(out, b->path);
		gs_buf_fill(out, 0, name - b->path.n);
		gs_perf_record_end(out, at, 0, 0, false);
	}
}

static void put_event(gs_buf *out, const gs_perf_file *f)
{
	gs_perf_put_u32(out, 1); /* events */
	gs_perf_put_u32(out, sizeof(f->attr));
	gs_buf_add(out, &f->attr, sizeof(f->attr));
	gs_perf_put_u32(out, 0); /* ids */
	put_string(out, gs_str_of(f->event_name));
}

static bool put_feature(gs_buf *out, unsigned i, const gs_perf_file *f, const gs_perf_file_facts *facts,
			const struct utsname *uts)
{
	size_t from = out->n;
	unsigned cpus = gs_cpu_count();

	switch (i) {
	case FEATURE_BUILD_ID:
		put_build_ids(out, facts);
		break;
	case FEATURE_HOSTNAME:
		put_string(out, gs_str_of(uts->nodename));
		break;
	case FEATURE_OSRELEASE:
		put_string(out, gs_str_of(uts->release));
		break;
	case FEATURE_VERSION:
		put_string(out, facts->version);
		break;
	case FEATURE_ARCH:
		put_string(out, gs_str_of(uts->machine));
		break;
	case FEATURE_NRCPUS:
		gs_perf_put_u32(out, cpus);
		gs_perf_put_u32(out, cpus);
		break;
	case FEATURE_CMDLINE:
		gs_perf_put_u32(out, facts->n_command);
		for (unsigned k = 0; k < facts->n_command; k++)
			put_string(out, facts->command[k]);
		break;
	case FEATURE_EVENT_DESC:
		put_event(out, f);
		break;
	case FEATURE_SAMPLE_TIME:
		gs_perf_put_u64(out, facts->first_ns);
		gs_perf_put_u64(out, facts->last_ns);
		break;
	case FEATURE_CLOCKID:
		gs_perf_put_u64(out, 1); /* resolution in ns */
		break;
	case FEATURE_CLOCK_DATA:
		gs_perf_put_u32(out, 1); /* version */
		gs_perf_put_u32(out, (uint32_t)facts->clockid);
		gs_perf_put_u64(out, (uint64_t)facts->wall_ns);
		gs_perf_put_u64(out, (uint64_t)facts->clock_ns);
		break;
	default:
		break;
	}
	return out->n > from;
}

static bool write_at(int fd, uint64_t at, gs_str bytes, gs_err *err)
{
	while (bytes.n) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return gs_fail_errno(err, n < 0 ? errno : ENOSPC, "write", "perf.data");
		at += (uint64_t)n;
		bytes = gs_str_skip(bytes, (size_t)n);
	}
	return true;
}

bool gs_perf_file_finish(gs_perf_file *f, const gs_perf_file_facts *facts, gs_err *err)
{
	GS_AUTO(buf) body = { 0 };
	GS_AUTO(buf) all = { 0 };
	GS_AUTO(buf) head = { 0 };
	struct { uint64_t at, size; } table[N_FEATURES];
	uint64_t features = 0, end = f->data_at + f->data_bytes;
	unsigned n = 0;
	struct utsname uts = { 0 };

	uname(&uts);
	gs_buf_init(&body, 64 << 20);
	gs_buf_init(&all, 65 << 20);
	gs_buf_init(&head, 4096);
	for (unsigned i = 0; i < N_FEATURES; i++) {
		size_t from = body.n;

		if (!put_feature(&body, i, f, facts, &uts))
			continue;
		features |= 1ull << i;
		table[n].at = from;
		table[n].size = body.n - from;
		n++;
	}
	for (unsigned i = 0; i < n; i++) {
		gs_perf_put_u64(&all, end + n * 16ull + table[i].at);
		gs_perf_put_u64(&all, table[i].size);
	}
	gs_buf_str(&all, gs_buf_view(&body));
	if (all.bad || !write_at(f->fd, end, gs_buf_view(&all), NULL)) {
		(void)!ftruncate(f->fd, (off_t)end);
		features = 0;
	}
	put_header(&head, f, features);
	return write_at(f->fd, 0, gs_buf_view(&head), err);
}
