#include "service/http/jobs.h"

#include <pthread.h>
#include <unistd.h>

#include "app/record.h"
#include "app/snapshot.h"

#include "base/banned.h"

enum { MAX_JOBS = 256, MAX_RUNNING = 8, MAX_IDS = 64 };

typedef enum job_state { JOB_RUNNING, JOB_OPENING, JOB_DONE, JOB_STOPPED, JOB_FAILED } job_state;

typedef struct job {
	gs_jobs *jobs;
	unsigned id;
	gs_arena *mem; /* of the request's strings */
	gs_record *record; /* NULL: a snapshot */
	int32_t pid;
	gs_snapshot_ask ask;
	gs_folder folder;
	pthread_t thread;
	/* Under the lock: */
	job_state state;
	gs_str target;
	gs_str message; /* once it is over */
	unsigned ids[MAX_IDS], n_ids;
	gs_err err;
	bool is_stopped; /* a snapshot, by who asked */
	double done;
	char doing[120];
	bool is_taken; /* the process goes on, and this is what it was: */
	gs_snapshot_file taken;
} job;

struct gs_jobs {
	gs_session *session;
	pthread_mutex_t lock;
	job *list[MAX_JOBS];
	unsigned n;
};

gs_jobs *gs_jobs_create(gs_session *session)
{
	gs_jobs *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	j->session = session;
	pthread_mutex_init(&j->lock, NULL);
	return j;
}

/* Under the lock. */
static void stop(job *b)
{
	if (b->record)
		gs_record_stop(b->record);
	b->is_stopped = true;
}

void gs_jobs_free(gs_jobs *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < j->n; i++)
		stop(j->list[i]);
	pthread_mutex_unlock(&j->lock);
	for (unsigned i = 0; i < j->n; i++) {
		job *b = j->list[i];

		pthread_join(b->thread, NULL);
		if (b->record)
			gs_record_free(b->record);
		gs_arena_free(b->mem);
		free(b);
	}
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* What did not work, for the job's last message. */
static void put_failures(gs_buf *out, const gs_capture_info *info)
{
	for (uint32_t i = 0; i < info->n_parts; i++)
		if (info->parts[i].state != GS_PART_DONE)
			gs_buf_f(out, "; %.*s: %.*s", GS_FMT(info->parts[i].kind), GS_FMT(info->parts[i].error));
}

static void *run(void *ctx)
{
	job *b = ctx;
	gs_jobs *j = b->jobs;
	gs_record_status st;
	gs_open_options o = { 0 };
	GS_AUTO(buf) message = { 0 };
	unsigned ids[MAX_IDS], n_ids = 0;
	gs_err err = { 0 };
	bool ok;

	while (!gs_record_wait(b->record, 3600000000000))
		;
	gs_record_poll(b->record, &st);
	ok = st.state != GS_RECORD_FAILED;
	if (!ok)
		err = st.err;
	pthread_mutex_lock(&j->lock);
	b->state = JOB_OPENING;
	pthread_mutex_unlock(&j->lock);
	if (ok)
		ok = gs_session_open(j->session, gs_str_of(gs_record_folder(b->record)), &o, NULL, ids, MAX_IDS, &n_ids, NULL, &err);
	gs_buf_init(&message, 8192);
	if (ok) {
		gs_buf_f(&message, "kept in %s", gs_record_folder(b->record));
		put_failures(&message, gs_record_result(b->record));
	}
	pthread_mutex_lock(&j->lock);
	memcpy(b->ids, ids, n_ids * sizeof(*ids));
	b->n_ids = n_ids;
	b->err = err;
	b->message = gs_str_dup(b->mem, gs_buf_view(&message));
	b->state = !ok ? JOB_FAILED : st.was_stopped ? JOB_STOPPED : JOB_DONE;
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static void note_progress(void *ctx, double done, const char *text)
{
	job *b = ctx;

	pthread_mutex_lock(&b->jobs->lock);
	b->done = done;
	snprintf(b->doing, sizeof(b->doing), "%s", text);
	pthread_mutex_unlock(&b->jobs->lock);
}

static bool should_stop(void *ctx)
{
	job *b = ctx;
	bool is_stopped;

	pthread_mutex_lock(&b->jobs->lock);
	is_stopped = b->is_stopped;
	pthread_mutex_unlock(&b->jobs->lock);
	return is_stopped;
}

static bool open_snapshot(job *b, const gs_progress *progress, unsigned *ids, unsigned *n, gs_err *err)
{
	gs_open_options o = { 0 };
	gs_err first = { 0 };

	if (gs_session_open(b->jobs->session, gs_str_of(b->folder.path), &o, progress, ids, MAX_IDS, n, NULL, &first))
		return true;
	/* The program may be in a container, or replaced since it was started. */
	o.load.executable = gs_strf(b->mem, "/proc/%d/exe", b->pid).p;
	if (gs_session_open(b->jobs->session, gs_str_of(b->folder.path), &o, progress, ids, MAX_IDS, n, NULL, NULL))
		return true;
	*err = first;
	return gs_err_context(err, "the snapshot is kept in %s", b->folder.path);
}

/* Nothing was taken: no empty folder stays. */
static void drop_folder(gs_folder *f)
{
	gs_folder_close(f);
	(void)rmdir(f->path);
}

static void *run_snapshot(void *ctx)
{
	job *b = ctx;
	gs_jobs *j = b->jobs;
	gs_progress progress = { note_progress, should_stop, b };
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20); /* the request's is for those who ask as well */
	gs_snapshot_file taken = { 0 };
	gs_str path = gs_strf(mem, "%s/heap.core", b->folder.path);
	unsigned ids[MAX_IDS], n_ids = 0;
	gs_err err = { 0 };
	bool ok = gs_snapshot_to_core(mem, gs_strf(mem, "%d", b->pid), b->ask, path.p, false, &progress, &taken, &err);

	pthread_mutex_lock(&j->lock);
	if (ok) {
		b->taken = taken;
		b->taken.incomplete = gs_str_dup(b->mem, taken.incomplete);
		b->taken.report.plan.why = gs_str_dup(b->mem, taken.report.plan.why);
		b->taken.report.note = gs_str_dup(b->mem, taken.report.note);
		b->is_taken = true;
	}
	b->state = JOB_OPENING;
	pthread_mutex_unlock(&j->lock);
	if (ok)
		ok = open_snapshot(b, &progress, ids, &n_ids, &err);
	else
		drop_folder(&b->folder);
	gs_folder_close(&b->folder);
	pthread_mutex_lock(&j->lock);
	memcpy(b->ids, ids, n_ids * sizeof(*ids));
	b->n_ids = n_ids;
	b->err = err;
	b->message = ok ? gs_strf(b->mem, "kept in %s", b->folder.path) : (gs_str){ 0 };
	b->state = ok ? JOB_DONE : JOB_FAILED;
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static bool has_room(gs_jobs *j, gs_err *err)
{
	unsigned running = 0;

	for (unsigned i = 0; i < j->n; i++)
		running += j->list[i]->state == JOB_RUNNING;
	if (j->n < MAX_JOBS && running < MAX_RUNNING)
		return true;
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%u recordings are running already", running);
}

static bool start_snapshot(gs_jobs *j, job *b, const gs_job_request *q, gs_err *err)
{
	if (!gs_snapshot_find(b->mem, q->target, &b->pid, &b->target, err) || !gs_folder_create(NULL, b->target, false, &b->folder, err))
		return false;
	b->ask.max_pause_ns = q->max_pause_ns;
	if (pthread_create(&b->thread, NULL, run_snapshot, b)) {
		drop_folder(&b->folder);
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no thread can be had");
	}
	b->id = j->n + 1;
	j->list[j->n++] = b;
	return true;
}

/* Under the lock, which a start keeps for as long as it takes to find the target: two starts do not race for the last place. */
static bool start(gs_jobs *j, job *b, const gs_job_request *q, gs_err *err)
{
	gs_record_options *o = gs_new(b->mem, gs_record_options, 1);

	if (!has_room(j, err))
		return false;
	if (q->is_snapshot)
		return start_snapshot(j, b, q, err);
	b->target = gs_str_dup(b->mem, q->target);
	*o = (gs_record_options){
		.target = b->target,
		.duration_ns = q->duration_ns,
		.frequency_hz = q->frequency_hz,
		.only = gs_str_dup(b->mem, q->only),
		.no_perf = q->no_perf,
		.no_endpoint = q->no_endpoint,
	};
	b->record = gs_record_start(o, err);
	if (!b->record)
		return false;
	if (pthread_create(&b->thread, NULL, run, b)) {
		gs_record_free(b->record);
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no thread can be had");
	}
	b->id = j->n + 1;
	j->list[j->n++] = b;
	return true;
}

bool gs_jobs_start(gs_jobs *j, const gs_job_request *request, unsigned *id, gs_err *err)
{
	job *b = calloc(1, sizeof(*b));
	bool ok;

	if (!b)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	b->mem = gs_arena_create(1 << 20);
	b->jobs = j;
	pthread_mutex_lock(&j->lock);
	ok = start(j, b, request, err);
	*id = b->id;
	pthread_mutex_unlock(&j->lock);
	if (!ok) {
		gs_arena_free(b->mem);
		free(b);
	}
	return ok;
}

static job *find(gs_jobs *j, unsigned id, gs_err *err)
{
	if (id >= 1 && id <= j->n)
		return j->list[id - 1];
	gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no job %u", id);
	return NULL;
}

bool gs_jobs_stop(gs_jobs *j, unsigned id, gs_err *err)
{
	job *b;

	pthread_mutex_lock(&j->lock);
	b = find(j, id, err);
	if (b)
		stop(b);
	pthread_mutex_unlock(&j->lock);
	return b != NULL;
}

static void put_snapshot(gs_json *out, const gs_snapshot_file *f)
{
	const gs_snapshot_report *r = &f->report;

	gs_json_key(out, "snapshot");
	gs_json_object(out);
	gs_json_ki64(out, "pause_ns", r->pause_ns);
	gs_json_ki64(out, "predicted_pause_ns", r->plan.pause_ns);
	gs_json_ki64(out, "lent_ns", r->lent_ns);
	gs_json_ki64(out, "total_ns", r->total_ns);
	gs_json_kstr(out, "how", gs_str_of(gs_snapshot_way_name(r->way)));
	gs_json_kstr(out, "why", r->plan.why);
	gs_json_kstr(out, "note", r->note);
	gs_json_kstr(out, "incomplete", f->incomplete);
	gs_json_ku64(out, "threads", f->n_threads);
	gs_json_ku64(out, "size_bytes", f->size.core_bytes);
	gs_json_ku64(out, "disk_bytes", f->size.disk_bytes);
	gs_json_object_end(out);
}

static void put(gs_json *out, job *b)
{
	static const char *const names[] = {
		[JOB_RUNNING] = "running", [JOB_OPENING] = "running", [JOB_DONE] = "done",
		[JOB_STOPPED] = "stopped", [JOB_FAILED] = "failed",
	};
	gs_record_status st = { .done = b->done };
	bool is_going = b->record ? b->state == JOB_RUNNING : b->state <= JOB_OPENING;

	if (b->record)
		gs_record_poll(b->record, &st);
	else
		snprintf(st.message, sizeof(st.message), "%s", b->doing);
	gs_json_object(out);
	gs_json_ku64(out, "id", b->id);
	gs_json_kstr(out, "kind", b->record ? GS_S("record") : GS_S("snapshot"));
	gs_json_kstr(out, "target", b->target);
	gs_json_kstr(out, "state", gs_str_of(names[b->state]));
	gs_json_key(out, "progress");
	if (!is_going)
		gs_json_f64(out, 1);
	else if (st.done >= 0)
		gs_json_f64(out, st.done > 1 ? 1 : st.done);
	else
		gs_json_null(out);
	gs_json_kstr(out, "message",
		     is_going ? gs_str_of(st.message) : b->state == JOB_OPENING ? GS_S("opening what was taken") : b->message);
	if (b->is_taken)
		put_snapshot(out, &b->taken);
	gs_json_key(out, "documents");
	gs_json_array(out);
	for (unsigned i = 0; i < b->n_ids; i++)
		gs_json_u64(out, b->ids[i]);
	gs_json_array_end(out);
	gs_json_key(out, "error");
	if (b->state == JOB_FAILED)
		gs_json_str(out, gs_str_of(b->err.text));
	else
		gs_json_null(out);
	gs_json_object_end(out);
}

bool gs_jobs_json(gs_jobs *j, unsigned id, gs_buf *out, gs_err *err)
{
	gs_json json = gs_json_to(out);
	job *b = NULL;

	pthread_mutex_lock(&j->lock);
	if (id) {
		b = find(j, id, err);
		if (b)
			put(&json, b);
	} else {
		gs_json_object(&json);
		gs_json_key(&json, "jobs");
		gs_json_array(&json);
		for (unsigned i = 0; i < j->n; i++)
			put(&json, j->list[i]);
		gs_json_array_end(&json);
		gs_json_object_end(&json);
	}
	pthread_mutex_unlock(&j->lock);
	return !id || b;
}
