/*
 * Arguments shared by operations. A row lists the groups that it honours:
 * 	.groups = (const gs_arg_group *const[]){ &own_group, GS_ARGS_PROFILE, NULL }
 * Front-ends resolve `base` and `diff-base` to call->bases and call->is_diff_base before the handler runs.
 */
#ifndef GS_APP_COMMON_ARGS_H
#define GS_APP_COMMON_ARGS_H

#include "app/op.h"
#include "app/select_args.h"

extern const gs_arg_group gs_args_values;  /* sample-index, unit, base, diff-base, normalize, relative-percentages */
extern const gs_arg_group gs_args_average; /* mean, divide-by: of tables */
extern const gs_arg_group gs_args_filters; /* focus, ignore, hide, show, show-from, prune-from */
extern const gs_arg_group gs_args_tags;	   /* tagfocus, tagignore, tagshow, taghide, tagroot, tagleaf */
extern const gs_arg_group gs_args_view;	   /* granularity, noinlines, transform */

#define GS_ARGS_PROFILE &gs_args_values, &gs_args_filters, &gs_args_tags, &gs_args_view, &gs_args_select

#endif
