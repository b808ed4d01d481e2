/* SPDX-License-Identifier: BSD-2-Clause */
/* The options and the descriptor; what makes and ends an instance. */
/* For strdup. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "sdk/schema.h"
#include "syslog.h"

#define UDP_SIZE 1400			/* with the headers of IPv6 within a frame of Ethernet */
#define OTHERS_SIZE 8192		/* what rsyslog, and receivers of RFC 5425, take untold */
#define SIZE_MAX_GIVEN 65536
#define HOST_NAME_MAX_SIZE 255		/* of fields of the header: RFC 5424, 6 */
#define APP_NAME_MAX 48
#define SD_ID_MAX 32

/* Set once, by mortise_plugin_init, before anything else runs. */
static const struct mortise_host *host;

/* --- the schema -------------------------------------------------------------------- */

static const char *const formats[] = {"rfc5424", "local", NULL};

SCHEMA_TEXT(to, "to", "where messages go: the path of a Unix socket, udp://, tcp:// or "
    "tls://HOST[:PORT]", "/dev/log", 0);
SCHEMA_ENUM(format, "format", "rfc5424, or local: as syslog(3) writes; not given: local for a Unix "
    "socket, rfc5424 for others", formats, NULL);
SCHEMA_ENUM(facility, "facility", "the facility of messages", facility_words, "authpriv");
SCHEMA_ENUM(one_facility, "", "its facility", facility_words, NULL);
static const struct mortise_option *const facility_of[] = {&one_facility, NULL};
SCHEMA_MAP(facilities, "facilities", "another one by action or type, as severity has them", facility_of);
SCHEMA_ENUM(one_severity, "", "its severity", severity_words, NULL);
static const struct mortise_option *const severity_of[] = {&one_severity, NULL};
SCHEMA_MAP(severity, "severity", "by action, or type of a record that has none, which may have * "
    "in it; the first that fits", severity_of);
SCHEMA_TEXT(app_name, "app-name", "the program that messages name", "mortise", 0);
SCHEMA_TEXT(host_name, "hostname", "the host that they name; not given: this one", NULL, 0);
SCHEMA_TEXT(sd_id, "sd-id", "the name of the structured data, NAME@NUMBER with the private "
    "enterprise number of its owner", "mortise@32473", 0);
SCHEMA_OPTION(max_size, "max-size", "the longest message in bytes; not given: 1400 for udp://, "
    "8192 for others", MORTISE_OPTION_SIZE, .minimum = SIZE_MIN, .maximum = SIZE_MAX_GIVEN);
SCHEMA_TEXT(ca_file, "ca-file", "the certificates that are trusted for tls://, and no others; not "
    "given: the system's", NULL, MORTISE_OPTION_PATH);
SCHEMA_TEXT(certificate, "cert", "the client's certificate for tls://, with those between it and "
    "its CA", NULL, MORTISE_OPTION_PATH);
SCHEMA_TEXT(key, "key", "its key", NULL, MORTISE_OPTION_PATH);
SCHEMA_TEXT(server_name, "server-name", "the name that the server's certificate has, where it is "
    "not that of `to`", NULL, 0);

static const struct mortise_option *const options[] = {&to, &format, &facility, &facilities,
    &severity, &app_name, &host_name, &sd_id, &max_size, &ca_file, &certificate, &key, &server_name, NULL};

/* --- options ----------------------------------------------------------------------- */

static enum mortise_code
fail_memory(const struct sink *sink)
{
	return host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

static enum mortise_code
fail_address(const struct sink *sink, const char *text)
{
	return host->option_fail(sink->call, sink->options, "to", "\"%s\" is no address; it is the "
	    "absolute path of a socket, udp://HOST[:PORT], tcp://HOST[:PORT] or tls://HOST[:PORT]",
	    text);
}

/* HOST[:PORT], where an address of IPv6 stands in brackets. */
static enum mortise_code
take_host(struct sink *sink, const char *text, const char *usual_port)
{
	const char *name = text + (text[0] == '[');
	const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");
	const char *port = end == NULL ? NULL : end + (text[0] == '[');
	char *behind = NULL;
	unsigned long number;

	if (end == NULL || end == name || (*port != ':' && *port != '\0') ||
	    strcspn(name, "/@?# ") < (size_t)(port - name))
		return fail_address(sink, text);
	port = *port == ':' ? port + 1 : usual_port;
	number = strtoul(port, &behind, 10);
	if (port[strspn(port, "0123456789")] != '\0' || number == 0 || number > 65535)
		return fail_address(sink, text);
	sink->peer.name = strndup(name, (size_t)(end - name));
	sink->peer.port = strdup(port);
	return sink->peer.name == NULL || sink->peer.port == NULL ? fail_memory(sink) : MORTISE_OK;
}

static enum mortise_code
take_peer(struct sink *sink)
{
	static const struct {
		const char *scheme, *port;
		enum transport transport;
	} schemes[] = {
		{"udp://", "514", TRANSPORT_UDP}, {"tcp://", "514", TRANSPORT_TCP},
		{"tls://", "6514", TRANSPORT_TLS},
	};
	const char *text = host->option_string(sink->options, "to");

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
			continue;
		sink->peer.transport = schemes[i].transport;
		return take_host(sink, text + strlen(schemes[i].scheme), schemes[i].port);
	}
	sink->peer.transport = TRANSPORT_UNIX;
	sink->peer.path = text;
	return text[0] == '/' && strlen(text) < sizeof(((struct sockaddr_un *)0)->sun_path) ?
	    MORTISE_OK : fail_address(sink, text);
}

/* What stands in a message's header as it is: printable ASCII without these characters. */
static enum mortise_code
check_word(const struct sink *sink, const char *option, const char *text, size_t most,
    const char *without)
{
	size_t length = strlen(text);
	bool good = length > 0 && length <= most && strcspn(text, without) == length;

	for (size_t i = 0; good && text[i] != '\0'; i++)
		good = text[i] > ' ' && text[i] < 0x7f;
	return good ? MORTISE_OK : host->option_fail(sink->call, sink->options, option, "\"%s\" is "
	    "not possible; it is up to %zu letters, digits and marks of ASCII", text, most);
}

/* One of this machine that is no such word is left out. */
static enum mortise_code
take_host_name(struct sink *sink)
{
	const char *given = host->option_string(sink->options, "hostname");
	char own[HOST_NAME_MAX_SIZE + 1] = "";

	if (given == NULL && gethostname(own, sizeof(own) - 1) != 0)
		own[0] = '\0';
	for (char *p = own; *p != '\0'; p++) {
		if (*p <= ' ' || *p >= 0x7f)
			own[0] = '\0';
	}
	sink->host_name = strdup(given != NULL ? given : own[0] == '\0' ? "-" : own);
	return sink->host_name == NULL ? fail_memory(sink) : check_word(sink, "hostname",
	    sink->host_name, HOST_NAME_MAX_SIZE, "");
}

static enum mortise_code
take_words(struct sink *sink)
{
	const char *number;
	enum mortise_code code = take_host_name(sink);

	sink->app_name = host->option_string(sink->options, "app-name");
	sink->sd_id = host->option_string(sink->options, "sd-id");
	number = strchr(sink->sd_id, '@');
	if (code == MORTISE_OK)
		code = check_word(sink, "app-name", sink->app_name, APP_NAME_MAX, "[]:");
	if (code == MORTISE_OK)
		code = check_word(sink, "sd-id", sink->sd_id, SD_ID_MAX, "=]\"");
	if (code == MORTISE_OK && (number == NULL || number == sink->sd_id || number[1] == '\0' ||
	    number[1 + strspn(number + 1, "0123456789.")] != '\0'))
		code = host->option_fail(sink->call, sink->options, "sd-id", "\"%s\" is no "
		    "name; it is NAME@NUMBER, as mortise@32473", sink->sd_id);
	return code;
}

static enum mortise_code
take_options(struct sink *sink)
{
	enum mortise_code code = take_peer(sink);

	if (code == MORTISE_OK)
		code = take_words(sink);
	if (code != MORTISE_OK)
		return code;
	sink->local_format = host->option_given(sink->options, "format") ?
	    host->option_number(sink->options, "format") == 1 :
	    sink->peer.transport == TRANSPORT_UNIX;
	sink->max_size = host->option_given(sink->options, "max-size") ?
	    (size_t)host->option_number(sink->options, "max-size") :
	    sink->peer.transport == TRANSPORT_UDP ? UDP_SIZE : OTHERS_SIZE;
	return sink->peer.transport == TRANSPORT_TLS ? tls_new(sink) : MORTISE_OK;
}

/* --- instances --------------------------------------------------------------------- */

static void
syslog_close(void *instance)
{
	struct sink *sink = instance;

	sink_disconnect(sink);
	tls_free(sink->tls);
	buffer_free(&sink->message);
	buffer_free(&sink->frame);
	free(sink->peer.name);
	free(sink->peer.port);
	free(sink->host_name);
	free(sink);
}

static enum mortise_code
syslog_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	enum mortise_code code;

	if (sink == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	sink->host = host;
	sink->options = given;
	sink->call = call;
	sink->fd = -1;
	code = take_options(sink);
	if (code != MORTISE_OK) {
		syslog_close(sink);
		return code;
	}
	*instance = sink;
	return MORTISE_OK;
}

static enum mortise_code
syslog_check(void *instance, struct mortise_call *call)
{
	struct sink *sink = instance;

	sink->call = call;
	return sink_connect(sink);
}

static const char *
syslog_identity(void *instance)
{
	const struct sink *sink = instance;

	return host->option_string(sink->options, "to");
}

static const struct mortise_sink_ops operations = {
	.size = sizeof(operations),
	.emit = syslog_emit,
};

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "syslog",
	.version = "0.1.0",
	.doc = "audit records as messages of syslog, here or over a network",
	.threads = MORTISE_THREADS_SERIAL,
	.reach = MORTISE_REACH_NETWORK,
	.options = options,
	.open = syslog_open,
	.close = syslog_close,
	.check = syslog_check,
	.identity = syslog_identity,
	.sink = &operations,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	(void)call;
	host = table;
	*descriptor = &plugin;
	return MORTISE_OK;
}
