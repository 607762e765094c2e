#include "app/common_args.h"

#include "base/banned.h"

static const gs_arg values[] = {
	{ "sample-index", GS_ARG_STRING, .help = "sample type by name (cpu, inuse_space, ...) or index; default: as the profile says",
	  .unit = "type", .short_name = 's' },
	{ "unit", GS_ARG_STRING, "auto", .help = "unit of the numbers: auto, ns, us, ms, s, B, kB, MB, GB, ...", .unit = "unit" },
	{ "base", GS_ARG_LIST, .help = "subtract this profile", .unit = "file" },
	{ "diff-base", GS_ARG_LIST, .help = "compare with this profile: percentages are of the base", .unit = "file" },
	{ "normalize", GS_ARG_BOOL, .help = "scale the base to the total of the profile" },
	{ "relative-percentages", GS_ARG_BOOL, .help = "percentages of what the filters leave, not of the whole profile" },
	{ 0 },
};
const gs_arg_group gs_args_values = { "Values", values };

static const gs_arg average[] = {
	{ "mean", GS_ARG_BOOL, .help = "divide by the first sample type: the mean delay of a contention, the mean size of an object" },
	{ "divide-by", GS_ARG_FLOAT, "1", .help = "show values divided by this: by requests, by seconds", .unit = "number" },
	{ 0 },
};
const gs_arg_group gs_args_average = { "Averages", average };

static const gs_arg filters[] = {
	{ "focus", GS_ARG_REGEX, .help = "only samples with a matching frame", .unit = "regex", .short_name = 'f' },
	{ "ignore", GS_ARG_REGEX, .help = "no samples with a matching frame", .unit = "regex", .short_name = 'i' },
	{ "hide", GS_ARG_REGEX, .help = "leave matching frames out; their cost goes to the caller", .unit = "regex" },
	{ "show", GS_ARG_REGEX, .help = "only matching frames", .unit = "regex" },
	{ "show-from", GS_ARG_REGEX, .help = "cut off the frames above the highest match; samples without one go", .unit = "regex" },
	{ "prune-from", GS_ARG_REGEX, .help = "cut off the frames below the match", .unit = "regex" },
	{ "filter", GS_ARG_STRING, .unit = "expression",
	  .help = "only samples for which it holds: 'leaf == \"main.f\" && goroutine == 7 && time in 1.2s..1.4s'" },
	{ 0 },
};
const gs_arg_group gs_args_filters = { "Filters by function, file or mapping", filters };

static const gs_arg tags[] = {
	{ "tagfocus", GS_ARG_STRING, .help = "only samples with a matching label: regex, key=regex, or a range such as 1MB:4MB",
	  .unit = "filter" },
	{ "tagignore", GS_ARG_STRING, .help = "no samples with a matching label", .unit = "filter" },
	{ "tagshow", GS_ARG_REGEX, .help = "only labels whose key matches", .unit = "regex" },
	{ "taghide", GS_ARG_REGEX, .help = "leave out labels whose key matches", .unit = "regex" },
	{ "tagroot", GS_ARG_STRING, .help = "put frames for the values of these labels at the root", .unit = "keys" },
	{ "tagleaf", GS_ARG_STRING, .help = "put frames for the values of these labels at the leaf", .unit = "keys" },
	{ 0 },
};
const gs_arg_group gs_args_tags = { "Filters by label", tags };

static const gs_arg view[] = {
	{ "granularity", GS_ARG_ENUM, "functions", "functions filefunctions files lines addresses packages",
	  .help = "what one row or frame stands for", .short_name = 'g' },
	{ "noinlines", GS_ARG_BOOL, .help = "give the cost of inlined calls to the function that they are in" },
	{ "creation", GS_ARG_BOOL,
	  .help = "of an execution trace: in front of a goroutine's stack goes its creator's at the go statement, and so on up to main" },
	{ "transform", GS_ARG_LIST, .unit = "kind:name",
	  .help = "change the stacks, in the order given: focus-function, focus-subtree, only-function, hide-function, "
		  "drop-function, collapse-function, collapse-recursion, collapse-package, or invert" },
	{ 0 },
};
const gs_arg_group gs_args_view = { "View", view };
