/* pprof's reports as operations of our own: the same text, with nothing in it that could steer a terminal. */
#ifndef GS_APP_REPORT_TEXT_H
#define GS_APP_REPORT_TEXT_H

#include "app/op.h"
#include "present/report.h"

bool gs_call_write_safely(gs_op_call *call, gs_report *r, gs_err *err);

#endif
