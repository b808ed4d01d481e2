/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes in: bodies and heads, each within its bound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sdk/client.h"

size_t
exchange_take_body(char *bytes, size_t one, size_t size, void *arg)
{
	struct exchange *exchange = arg;
	const struct mortise_host *host = exchange->http->host;
	size_t have = 0;

	(void)one;
	(void)host->secret_peek(exchange->answer->body, &have);
	exchange->too_large = size > exchange->http->max_response - have;
	if (exchange->too_large)
		return 0;
	exchange->no_memory = host->secret_append(exchange->answer->body, bytes, size) != MORTISE_OK;
	return exchange->no_memory ? 0 : size;
}

/* The value of a header line of this name, without blanks around; NULL: another one. */
static const char *
value_of(const char *line, size_t size, const char *name, size_t *length)
{
	size_t n;

	/* Most lines are none of those that are wanted, and end here. */
	if (size == 0 || (line[0] | 0x20) != (name[0] | 0x20))
		return NULL;
	n = strlen(name);
	if (size <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	for (n++; n < size && (line[n] == ' ' || line[n] == '\t'); n++)
		;
	while (size > n && (line[size - 1] == '\r' || line[size - 1] == '\n' ||
	    line[size - 1] == ' ' || line[size - 1] == '\t'))
		size--;
	*length = size - n;
	return line + n;
}

/* Printable ASCII as far as it fits. */
static void
keep_text(char *to, size_t size, const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && n + 1 < size && text[n] > ' ' && text[n] < 127)
		n++;
	memcpy(to, text, n);
	to[n] = '\0';
}

static int64_t
unix_ms(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Seconds, or a date. */
static int64_t
retry_after(const char *text, size_t length)
{
	char copy[64], *end;
	long seconds;
	time_t date;

	keep_text(copy, sizeof(copy), text, length);
	seconds = strtol(copy, &end, 10);
	if (end != copy && *end == '\0')
		return seconds <= 0 || seconds > 1000000 ? 0 : (int64_t)seconds * 1000;
	(void)snprintf(copy, sizeof(copy), "%.*s", (int)(length < 63 ? length : 63), text);
	date = curl_getdate(copy, NULL);
	return date <= 0 || (int64_t)date * 1000 <= unix_ms() ? 0 :
	    (int64_t)date * 1000 - unix_ms();
}

static void
take_known(struct exchange *exchange, const char *line, size_t size)
{
	static const char *const ids[] = {"X-Request-Id", "X-Correlation-Id", "x-amzn-RequestId"};
	struct mortise_http_answer *answer = exchange->answer;
	size_t length;
	const char *value;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		if ((value = value_of(line, size, ids[i], &length)) != NULL)
			keep_text(answer->request_id, sizeof(answer->request_id), value, length);
	}
	if (exchange->request->keep != NULL &&
	    (value = value_of(line, size, exchange->request->keep, &length)) != NULL)
		keep_text(answer->kept, length < sizeof(answer->kept) ? sizeof(answer->kept) : 1, value,
		    length);
	if ((value = value_of(line, size, "Content-Type", &length)) != NULL) {
		keep_text(answer->type, sizeof(answer->type), value, length);
		answer->type[strcspn(answer->type, ";")] = '\0';
		for (char *p = answer->type; *p != '\0'; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	} else if ((value = value_of(line, size, "Retry-After", &length)) != NULL)
		answer->retry_after_ms = retry_after(value, length);
	else if ((value = value_of(line, size, "Date", &length)) != NULL) {
		char copy[64];

		(void)snprintf(copy, sizeof(copy), "%.*s", (int)(length < 63 ? length : 63), value);
		answer->date_ms = (int64_t)curl_getdate(copy, NULL) * 1000;
		if (answer->date_ms < 0)
			answer->date_ms = 0;
	}
}

/* A new status line begins another answer: what an interim one said is forgotten. */
size_t
exchange_take_header(char *bytes, size_t one, size_t size, void *arg)
{
	struct exchange *exchange = arg;
	struct mortise_http_answer *answer = exchange->answer;

	(void)one;
	exchange->head_size += size;
	exchange->too_large = exchange->head_size > HEADERS_MAX;
	if (exchange->too_large)
		return 0;
	if (size >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
		answer->type[0] = answer->request_id[0] = answer->kept[0] = '\0';
		answer->retry_after_ms = answer->date_ms = 0;
	} else
		take_known(exchange, bytes, size);
	return size;
}
