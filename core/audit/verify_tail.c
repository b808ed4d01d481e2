/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows the last LF of a segment. */
#include <string.h>
#include <unistd.h>

#include "audit/verify_line.h"
#include "base/file.h"

#define READ_SIZE 65536

/* Where it begins. */
static off_t
tail_of(int fd, off_t end, char bytes[READ_SIZE])
{
	while (end > 0) {
		off_t from = end > READ_SIZE ? end - READ_SIZE : 0;
		ssize_t got = file_read_at(fd, bytes, (size_t)(end - from), from);

		for (ssize_t i = got; i > 0; i--) {
			if (bytes[i - 1] == '\n')
				return from + i;
		}
		end = from;
	}
	return 0;
}

/* Is this byte, behind so many that a whole record ends with, one too many? */
static bool
ends_changed(unsigned int *matched, char c)
{
	static const char begin[] = ",\"h\":\"";
	unsigned int n = *matched;
	bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
	bool fits = n < 6 ? c == begin[n] : n < 70 ? is_digit : n == 70 ? c == '"' : c == '}';

	if (n == 72 && c != '\0')
		return true;
	*matched = n < 72 && fits ? n + 1 : c == begin[0];
	return false;
}

bool
scan_tail_changed(int fd)
{
	char bytes[READ_SIZE];
	off_t end = lseek(fd, 0, SEEK_END), at = end < 0 ? 0 : tail_of(fd, end, bytes);
	unsigned int matched = 0;
	ssize_t got;

	while (at < end && (got = file_read_at(fd, bytes, sizeof(bytes), at)) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			if (ends_changed(&matched, bytes[i]))
				return true;
		}
		at += got;
	}
	return false;
}
