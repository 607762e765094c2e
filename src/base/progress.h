/*
 * gs_progress: how far a long job is, and whether it should stop. Given by the caller, asked and told by the worker; any
 * thread. All callbacks may be NULL, and so may the pointer itself.
 */
#ifndef GS_BASE_PROGRESS_H
#define GS_BASE_PROGRESS_H

#include <stdbool.h>

typedef struct gs_progress {
	void (*report)(void *ctx, double done, const char *text); /* done 0..1, negative when unknown */
	bool (*should_stop)(void *ctx);
	void *ctx;
} gs_progress;

static inline void gs_progress_report(const gs_progress *p, double done, const char *text)
{
	if (p && p->report)
		p->report(p->ctx, done, text);
}

static inline bool gs_progress_should_stop(const gs_progress *p)
{
	return p && p->should_stop && p->should_stop(p->ctx);
}

#endif
