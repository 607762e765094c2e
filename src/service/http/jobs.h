/*
 * gs_jobs: recordings and snapshots started from the page. Each has a thread that waits for it (or takes it) and then opens what was taken; asking for its
 * state never waits.
 */
#ifndef GS_SERVICE_HTTP_JOBS_H
#define GS_SERVICE_HTTP_JOBS_H

#include "service/http/session.h"

gs_jobs *gs_jobs_create(gs_session *session);
/* Stops what runs, keeps what was taken, and waits. */
void gs_jobs_free(gs_jobs *j);

typedef struct gs_job_request {
	gs_str target; /* PID or URL */
	int64_t duration_ns; /* 0: 30 s */
	uint32_t frequency_hz; /* 0: 99 */
	gs_str only; /* "cpu,heap"; empty: everything */
	bool no_perf, no_endpoint;
	bool is_snapshot; /* of the memory of one process: nothing but the target and the next counts */
	int64_t max_pause_ns; /* of a snapshot: refused when it is predicted to take longer; 0: no limit */
} gs_job_request;

/* *id is its number. Errors as gs_record_start, of snapshots as gs_snapshot_find; GS_ERR_LIMIT when too many are running. */
bool gs_jobs_start(gs_jobs *j, const gs_job_request *request, unsigned *id, gs_err *err);
/* Keeps what was taken. GS_ERR_MISSING when there is no such job. */
bool gs_jobs_stop(gs_jobs *j, unsigned id, gs_err *err);
/* The object of docs/api.md; id 0: {"jobs":[...]} of all. */
bool gs_jobs_json(gs_jobs *j, unsigned id, gs_buf *out, gs_err *err);

#endif
