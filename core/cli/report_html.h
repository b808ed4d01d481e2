/* SPDX-License-Identifier: BSD-2-Clause */
/* report_html.h: the parts of the page. */
#ifndef CLI_REPORT_HTML_H
#define CLI_REPORT_HTML_H

#include "cli/report.h"

/* Accesses a day, by action, as SVG with its legend. */
void report_chart(const struct report *, struct buffer *);

#endif
