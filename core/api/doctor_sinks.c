/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: how far the sinks are behind the trail. */
#include <dirent.h>
#include <inttypes.h>

#include "api/doctor.h"
#include "audit/cursor.h"
#include "base/clock.h"

/* What it means for callers. */
static const char *
effect(const struct config_sink *sink, bool too_much)
{
	switch (sink->wait) {
	case SINK_ACK:
		return "; nothing is released until it takes them";
	case SINK_LAG:
		return too_much ? "; nothing is released until it is within its max-lag" :
		    "; it is within its max-lag";
	case SINK_NEVER:
		break;
	}
	return "; nobody waits for it";
}

static void
look_at_sink(struct doctor *doctor, const struct config_sink *sink)
{
	const char *name = doctor->config->backends[sink->target].name;
	struct sink_progress progress = {.seq = 0};
	struct mortise_error error = {0};
	int64_t age_ms;
	bool too_much;

	if (sink_progress(doctor->config->audit.trail, name, &progress, &error) != MORTISE_OK) {
		doctor_say(doctor, MORTISE_VERDICT_FAIL, "sinks", "how far %s is cannot be told: %s",
		    name, error.message);
		return;
	}
	age_ms = progress.waiting_us == 0 ? 0 : clock_unix_ms() - progress.waiting_us / 1000;
	too_much = sink_beyond(sink, progress.last - progress.seq, progress.bytes,
	    progress.waiting_us) != NULL;
	if (progress.waiting_us == 0)
		doctor_say(doctor, MORTISE_VERDICT_OK, "sinks", "%s has all %" PRIu64 " records", name,
		    progress.last);
	else
		doctor_say(doctor, too_much || progress.failure[0] != '\0' ? MORTISE_VERDICT_FAIL :
		    MORTISE_VERDICT_WARN, "sinks", "%s lags by %" PRIu64 " records, %" PRIu64
		    " KiB, %" PRId64 " s%s%s%s", name, progress.last - progress.seq,
		    (progress.bytes + 1023) >> 10, age_ms / 1000, effect(sink, too_much),
		    progress.failure[0] == '\0' ? "" : ": ", progress.failure);
	if (progress.parked > 0)
		doctor_say(doctor, MORTISE_VERDICT_FAIL, "sinks", "%s has rejected %" PRIu64 " records, "
		    "which it will not get; records of type park say which and why", name,
		    progress.parked);
}

/* One that was a sink keeps the trail from its retention. */
static void
look_for_leftovers(struct doctor *doctor)
{
	char *path _cleanup_(free_pointer) = text_format("%s/" CURSOR_DIRECTORY,
	    doctor->config->audit.trail);
	DIR *list = path == NULL ? NULL : opendir(path);
	const struct config_sink *sink;
	const struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		if (entry->d_name[0] != '.' &&
		    sink_find(doctor->config, entry->d_name, &sink, NULL) != MORTISE_OK)
			doctor_say(doctor, MORTISE_VERDICT_WARN, "sinks", "%s is no sink any more, and "
			    "the trail may be kept for it: remove %s/%s, or configure it", entry->d_name,
			    path, entry->d_name);
	}
	if (list != NULL)
		(void)closedir(list);
}

void
doctor_look_at_sinks(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->config->audit.sinks_count; i++)
		look_at_sink(doctor, &doctor->config->audit.sinks[i]);
	look_for_leftovers(doctor);
}
