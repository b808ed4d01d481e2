/* SPDX-License-Identifier: BSD-2-Clause */
/* audit report: a bar a day, of the actions and what was refused. */
#include <string.h>

#include "cli/report_html.h"

#define DAYS 31
#define ACTIONS 7			/* named ones; the last is what all others share */
#define SERIES (ACTIONS + 1)
#define REFUSED ACTIONS

#define XMLNS "xmlns=\"http://www.w3.org/2000/svg\""

/* In the units of the picture. */
#define WIDTH 720
#define HEIGHT 210
#define LEFT 34
#define TOP 8
#define BOTTOM 184
#define TICKS 4

struct chart {
	const char *names[SERIES];	/* NULL: no such series */
	size_t counts[SERIES][DAYS];
	unsigned int days;
	size_t most;			/* of the axis */
};

static size_t
series_of(struct chart *chart, const struct access *access)
{
	const char *action = access->text[ACCESS_ACTION];

	if (access->refused) {
		chart->names[REFUSED] = "refused";
		return REFUSED;
	}
	for (size_t i = 0; i + 1 < ACTIONS; i++) {
		if (chart->names[i] == NULL)
			chart->names[i] = action;
		if (strcmp(chart->names[i], action) == 0)
			return i;
	}
	chart->names[ACTIONS - 1] = "other actions";
	return ACTIONS - 1;
}

/* Such that a tick is a round number: 4, 8, 12, 16, 20, 40, 80, ... */
static size_t
axis_end(size_t most)
{
	static const size_t steps[] = {1, 2, 3, 4, 5};

	for (size_t unit = 1;; unit *= 10) {
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			if (unit * steps[i] * TICKS >= most || unit > SIZE_MAX / 100)
				return unit * steps[i] * TICKS;
		}
	}
}

static void
count(struct chart *chart, const struct report *report)
{
	size_t most = 0;

	*chart = (struct chart){.days = report_days(report->month)};
	for (size_t i = 0; i < report->count; i++) {
		const struct access *access = &report->all[i];

		if (access->day >= 1 && access->day <= chart->days)
			chart->counts[series_of(chart, access)][access->day - 1]++;
	}
	for (size_t day = 0; day < chart->days; day++) {
		size_t sum = 0;

		for (size_t i = 0; i < SERIES; i++)
			sum += chart->counts[i][day];
		most = sum > most ? sum : most;
	}
	chart->most = axis_end(most);
}

static double
height_of(const struct chart *chart, size_t n)
{
	return (double)(BOTTOM - TOP) * (double)n / (double)chart->most;
}

static void
put_axes(const struct chart *chart, struct buffer *to)
{
	for (size_t i = 0; i <= TICKS; i++) {
		size_t n = chart->most / TICKS * i;
		double y = BOTTOM - height_of(chart, n);

		buffer_format(to, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
		    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%zu</text>\n", LEFT, WIDTH, y, y,
		    LEFT - 6, y + 4, n);
	}
}

static void
put_day(const struct chart *chart, const struct report *report, unsigned int day,
    struct buffer *to)
{
	double step = (double)(WIDTH - LEFT) / chart->days, x = LEFT + step * day;
	double y = BOTTOM;

	for (size_t i = 0; i < SERIES; i++) {
		size_t n = chart->counts[i][day];

		if (n == 0)
			continue;
		y -= height_of(chart, n);
		buffer_format(to, "<rect class=\"s%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		    "height=\"%.1f\"><title>%s-%02u ", i, x + step * 0.15, y, step * 0.7,
		    height_of(chart, n), report->month, day + 1);
		html_text(to, chart->names[i]);
		buffer_format(to, ": %zu</title></rect>\n", n);
	}
	buffer_format(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%u</text>\n",
	    x + step / 2, BOTTOM + 16, day + 1);
}

void
report_chart(const struct report *report, struct buffer *to)
{
	struct chart chart;

	count(&chart, report);
	buffer_format(to, "<h2>Accesses a day</h2>\n<figure>\n<svg " XMLNS " viewBox=\"0 0 %d %d\" "
	    "role=\"img\" aria-label=\"Accesses a day, by action\">\n", WIDTH, HEIGHT);
	put_axes(&chart, to);
	for (unsigned int day = 0; day < chart.days; day++)
		put_day(&chart, report, day, to);
	buffer_text(to, "</svg>\n<ul class=\"legend\">\n");
	for (size_t i = 0; i < SERIES; i++) {
		if (chart.names[i] == NULL)
			continue;
		buffer_format(to, "<li><svg " XMLNS " viewBox=\"0 0 10 10\">"
		    "<rect class=\"s%zu\" width=\"10\" height=\"10\"/></svg>", i);
		html_text(to, chart.names[i]);
		buffer_text(to, "</li>\n");
	}
	buffer_text(to, "</ul>\n</figure>\n");
}
