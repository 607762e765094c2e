/*
 * docs/api.md without the network: a path and its arguments become an answer. Any number of threads at once.
 */
#ifndef GS_SERVICE_HTTP_API_H
#define GS_SERVICE_HTTP_API_H

#include "app/op.h"
#include "service/http/session.h"

typedef struct gs_answer {
	unsigned status;
	const char *mime;
	char file_name[128]; /* not empty: to be saved under this name */
	gs_buf body;
	bool is_final; /* the same question has this answer for as long as gs_session_changes stays */
} gs_answer;

void gs_answer_release(gs_answer *a);
void gs_answer_error(gs_answer *a, const gs_err *err);

/* `path` begins with "/api/". */
void gs_api_get(gs_session *s, gs_str path, const gs_op_pair *pairs, unsigned n, gs_answer *out);
void gs_api_post(gs_session *s, gs_str path, gs_str body, gs_answer *out);

#endif
