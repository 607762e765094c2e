#include "app/op.h"

#include "base/banned.h"

extern const gs_op gs_op_ps;

const gs_op *const gs_ops[] = {
	&gs_op_ps,
	NULL,
};
