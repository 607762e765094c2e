/*
 * What a stack of a trace means to its reader: the frame of their own code, and the handler of an HTTP request.
 */
#ifndef GS_ANALYSIS_TRACE_FRAMES_H
#define GS_ANALYSIS_TRACE_FRAMES_H

#include "model/timeline.h"

/*
 * The innermost node whose function is neither the runtime's nor of the packages that block on its behalf (sync, internal/...,
 * syscall, time, io): the line that a reader looks for. The leaf when all are; GS_ROOT_NODE of the empty stack.
 */
uint32_t gs_trace_own_node(const gs_profile *p, uint32_t stack);
/* The runtime waits or works on behalf of the garbage collector there: an allocation that starts, ends or helps a collection. */
bool gs_trace_is_collector(const gs_profile *p, uint32_t stack);
/* Name of a node's function; empty for the root. */
gs_str gs_trace_node_name(const gs_profile *p, uint32_t node);
int64_t gs_trace_node_line(const gs_profile *p, uint32_t node);
gs_str gs_trace_node_file(const gs_profile *p, uint32_t node);
/* "net/http.(*conn).serve" of a goroutine, or "goroutine 7" when the trace does not say what it was started with. */
gs_str gs_trace_goroutine_name(gs_arena *mem, const gs_profile *p, const gs_timeline *t, uint32_t goroutine);

/* The stack is inside net/http.(*conn).serve but outside any handler: it waits for a request. */
bool gs_trace_is_http_idle(const gs_profile *p, uint32_t stack);
/* The function that net/http called to handle a request, from a stack inside it; 0 when it is not. */
uint32_t gs_trace_http_handler(const gs_profile *p, uint32_t stack);

#endif
