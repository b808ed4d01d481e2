/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: the trail, and the disk that it lies on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "api/doctor.h"
#include "audit/search.h"
#include "audit/verify.h"
#include "base/clock.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define FEW_DAYS 3			/* failing, and ... */
#define SOME_DAYS 30			/* ... worth a warning */
#define LITTLE ((uint64_t)16 << 20)	/* bytes that are too few in any case */

static const char *
remedy(enum mortise_reason reason)
{
	if (reason == MORTISE_REASON_SHORT)
		return "; put the missing part back, or go on behind it by `mortise audit "
		    "accept-loss --reason TEXT`";
	return reason == MORTISE_REASON_DIFFERENCE ? "; somebody or the disk has changed it: keep "
	    "it, and hold it against a backup" : "";
}

static void
verify(struct doctor *doctor, const char *directory)
{
	struct mortise_audit_head head = {.size = sizeof(head)};
	struct mortise_audit_anchor anchor = {0};
	struct mortise_error error = {0};
	struct mortise_verify_options options = {.size = sizeof(options), .anchors = &anchor,
	    .anchors_count = 1};
	char verdict[1024] = "";
	char **segments = NULL;
	size_t count = 0;
	enum mortise_code code = trail_head(directory, &head, &error);

	if (code == MORTISE_OK)
		code = trail_segments(directory, &segments, &count, &error);
	if (code == MORTISE_OK) {
		anchor.seq = head.seq;
		memcpy(anchor.hash, head.hash, sizeof(anchor.hash));
		options.files = (const char *const *)segments;
		options.files_count = count;
		code = verify_trail(&options, verdict, sizeof(verdict), &error);
	}
	trail_segments_free(segments, count);
	doctor_say(doctor, code == MORTISE_OK ? MORTISE_VERDICT_OK : MORTISE_VERDICT_FAIL, "trail",
	    "%s: %s%s", directory, verdict[0] == '\0' ? error.message : verdict,
	    code == MORTISE_OK ? "" : remedy(error.reason));
}

static void
look_at_modes(struct doctor *doctor, const char *directory)
{
	char *leftover _cleanup_(free_pointer) = text_format("%s.restoring", directory);
	struct stat status;

	if (stat(directory, &status) == 0 && (status.st_mode & 077) != 0)
		doctor_say(doctor, MORTISE_VERDICT_WARN, "trail", "%s has mode %04o, others can "
		    "read who asked for what; chmod 700 it", directory,
		    (unsigned int)status.st_mode & 07777);
	if (leftover != NULL && stat(leftover, &status) == 0)
		doctor_say(doctor, MORTISE_VERDICT_WARN, "trail", "%s is what a restore that was "
		    "killed has left; remove it", leftover);
}

/* --- how long the disk lasts -------------------------------------------------------- */

struct counting {
	uint64_t bytes;
	char newest[32];		/* RFC 3339 */
};

static void
count_line(void *arg, const char *line, size_t size)
{
	struct counting *counting = arg;
	const char *time = strstr(line, "\"ts\":\"");

	counting->bytes += size + 1;
	if (time != NULL)
		(void)snprintf(counting->newest, sizeof(counting->newest), "%.27s", time + 6);
}

static void
say_days(struct doctor *doctor, uint64_t left, uint64_t written)
{
	uint64_t days = written == 0 ? UINT64_MAX : left / written;
	enum mortise_verdict verdict = left < LITTLE || days < FEW_DAYS ? MORTISE_VERDICT_FAIL :
	    days < SOME_DAYS ? MORTISE_VERDICT_WARN : MORTISE_VERDICT_OK;
	const char *remedy = verdict == MORTISE_VERDICT_OK ? "" :
	    "; nothing is released once it is full: make room";

	if (written == 0)
		doctor_say(doctor, verdict, "disk", "%" PRIu64 " MiB are free for the trail, which "
		    "was not written to in the last 24 hours%s", left >> 20, remedy);
	else
		doctor_say(doctor, verdict, "disk", "%" PRIu64 " MiB are free for the trail, and %"
		    PRIu64 " KiB were written in the last 24 hours: %s%" PRIu64 " days at that rate%s",
		    left >> 20, (written + 1023) >> 10, days > 36500 ? "more than " : "",
		    days > 36500 ? 36500 : days, remedy);
}

static void
look_at_disk(struct doctor *doctor, const char *directory)
{
	struct mortise_audit_filter day = {.size = sizeof(day),
	    .from_ms = clock_unix_ms() - DAY_MS};
	struct counting counting = {0};
	struct mortise_error error = {0};
	struct statvfs disk;
	int64_t newest = 0;

	if (search_trail(directory, &day, count_line, &counting, &error) != MORTISE_OK ||
	    statvfs(directory, &disk) != 0) {
		doctor_say(doctor, MORTISE_VERDICT_WARN, "disk", "how long it lasts cannot be told: "
		    "%s", error.message[0] == '\0' ? "statvfs" : error.message);
		return;
	}
	say_days(doctor, (uint64_t)disk.f_bavail * disk.f_frsize, counting.bytes);
	if (clock_parse(counting.newest, &newest) && newest > clock_unix_ms() + 60000)
		doctor_say(doctor, MORTISE_VERDICT_WARN, "clock", "the newest record is of %s, which "
		    "is yet to come: the clock was set back, or is wrong now; see to it that it is "
		    "synchronised", counting.newest);
}

void
doctor_look_at_trail(struct doctor *doctor, const char *directory)
{
	verify(doctor, directory);
	look_at_modes(doctor, directory);
	look_at_disk(doctor, directory);
}
