/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 5425: TLS, with the peer's certificate and name always checked. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "syslog.h"

struct tls {
	BIO_METHOD *method;
	SSL *ssl;			/* NULL: no connection */
};

/* --- bytes, without SIGPIPE, which OpenSSL's own sockets may raise ----------------- */

static int
bio_result(BIO *bio, ssize_t n)
{
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int
bio_write(BIO *bio, const char *bytes, int size)
{
	return bio_result(bio, sink_send(BIO_get_data(bio), bytes, (size_t)size));
}

static int
bio_read(BIO *bio, char *bytes, int size)
{
	const struct sink *sink = BIO_get_data(bio);
	ssize_t n;

	do
		n = recv(sink->fd, bytes, (size_t)size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_read(bio);
	return (int)n;
}

static long
bio_control(BIO *bio, int command, long number, void *arg)
{
	(void)bio;
	(void)number;
	(void)arg;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *
bio_new(struct sink *sink)
{
	BIO *bio = BIO_new(sink->tls->method);

	if (bio != NULL) {
		BIO_set_data(bio, sink);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* --- the set-up -------------------------------------------------------------------- */

/* A key that needs one is refused: nobody is there to be asked. */
static int
no_password(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static enum mortise_code
fail_option(const struct sink *sink, const char *option)
{
	unsigned long error = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(error);

	return sink->host->option_fail(sink->call, sink->options, option, "%s cannot be used: %s; "
	    "it is PEM, readable, and a key has no password",
	    sink->host->option_string(sink->options, option), why == NULL ? "unknown" : why);
}

/* Read anew for each connection: certificates are renewed in their place. */
static enum mortise_code
context_new(const struct sink *sink, SSL_CTX **result)
{
	const struct mortise_host *host = sink->host;
	const char *ca = host->option_string(sink->options, "ca-file");
	const char *certificate = host->option_string(sink->options, "cert");
	const char *key = host->option_string(sink->options, "key");
	SSL_CTX *context;
	const char *wrong = NULL;
	enum mortise_code code;

	ERR_clear_error();
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(context);
		return host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(context, no_password);
	if (ca != NULL ? SSL_CTX_load_verify_file(context, ca) != 1 :
	    SSL_CTX_set_default_verify_paths(context) != 1)
		wrong = "ca-file";
	else if (certificate != NULL &&
	    SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		wrong = "cert";
	else if (key != NULL && (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1))
		wrong = "key";
	if (wrong == NULL) {
		*result = context;
		return MORTISE_OK;
	}
	code = fail_option(sink, wrong);
	SSL_CTX_free(context);
	return code;
}

enum mortise_code
tls_new(struct sink *sink)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	SSL_CTX *context = NULL;
	enum mortise_code code;

	sink->tls = tls;
	if (tls != NULL)
		tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mortise");
	if (tls == NULL || tls->method == NULL ||
	    BIO_meth_set_write(tls->method, bio_write) != 1 ||
	    BIO_meth_set_read(tls->method, bio_read) != 1 ||
	    BIO_meth_set_ctrl(tls->method, bio_control) != 1)
		return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "out of memory");
	if (sink->host->option_given(sink->options, "key") !=
	    sink->host->option_given(sink->options, "cert"))
		return sink->host->option_fail(sink->call, sink->options, "to",
		    "a client's certificate is `cert` and `key`; give both");
	code = context_new(sink, &context);
	SSL_CTX_free(context);
	return code;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	tls_end(tls);
	BIO_meth_free(tls->method);
	free(tls);
}

/* --- a connection ------------------------------------------------------------------ */

static enum mortise_code
fail_tls(const struct sink *sink, const char *what)
{
	long verified = SSL_get_verify_result(sink->tls->ssl);
	unsigned long error = ERR_peek_error();
	const char *why = ERR_reason_error_string(error);
	const char *to = sink->host->option_string(sink->options, "to");

	if (verified != X509_V_OK)
		return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "%s: its certificate is not good: %s; give its CA by ca-file, and the name "
		    "that is in it by server-name", to, X509_verify_cert_error_string(verified));
	if (error == 0 || ERR_GET_LIB(error) == ERR_LIB_SYS ||
	    ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return sink->host->fail(sink->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%s: %s: the peer went away", to, what);
	/* An alert, or what is no TLS: not an outage. */
	return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s: %s: %s; compare what both sides demand", to, what, why == NULL ? "unknown" : why);
}

/* After a call of OpenSSL that did not succeed: ok means that it is to be made again. */
static enum mortise_code
wait_for_tls(const struct sink *sink, int result, const char *what)
{
	switch (SSL_get_error(sink->tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(sink, POLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(sink, POLLOUT);
	default:
		return fail_tls(sink, what);
	}
}

/* The certificate must be for this name, or this address. */
static bool
expect_name(const struct sink *sink)
{
	const char *given = sink->host->option_string(sink->options, "server-name");
	const char *name = given == NULL ? sink->peer.name : given;
	X509_VERIFY_PARAM *wanted = SSL_get0_param(sink->tls->ssl);
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(wanted, name) == 1;
	X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(wanted, name, 0) == 1 &&
	    SSL_set_tlsext_host_name(sink->tls->ssl, name) == 1;
}

enum mortise_code
tls_begin(struct sink *sink)
{
	struct tls *tls = sink->tls;
	SSL_CTX *context = NULL;
	BIO *bio;
	enum mortise_code code = context_new(sink, &context);
	int result;

	if (code != MORTISE_OK)
		return code;
	tls->ssl = SSL_new(context);
	SSL_CTX_free(context);
	bio = tls->ssl == NULL ? NULL : bio_new(sink);
	if (bio == NULL || !expect_name(sink)) {
		BIO_free(bio);
		return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "out of memory");
	}
	SSL_set_bio(tls->ssl, bio, bio);
	do {
		ERR_clear_error();
		result = SSL_connect(tls->ssl);
		if (result != 1)
			code = wait_for_tls(sink, result, "no TLS is to be had");
	} while (result != 1 && code == MORTISE_OK);
	/* Nothing was asked of it yet. */
	return code != MORTISE_TIMEOUT ? code : sink->host->fail(sink->call, MORTISE_UNAVAILABLE,
	    MORTISE_REASON_NONE, "%s: no TLS is to be had: no answer by the deadline; is that its "
	    "port for TLS?", sink->host->option_string(sink->options, "to"));
}

void
tls_end(struct tls *tls)
{
	if (tls == NULL || tls->ssl == NULL)
		return;
	/* A last word, if there is room for it: nobody waits for the answer. */
	if (SSL_is_init_finished(tls->ssl))
		(void)SSL_shutdown(tls->ssl);
	SSL_free(tls->ssl);
	tls->ssl = NULL;
	ERR_clear_error();
}

enum mortise_code
tls_send(struct sink *sink, const void *bytes, size_t size)
{
	enum mortise_code code = MORTISE_OK;
	int result;

	do {
		ERR_clear_error();
		result = SSL_write(sink->tls->ssl, bytes, (int)size);
		if (result <= 0)
			code = wait_for_tls(sink, result, "the connection broke off");
	} while (result <= 0 && code == MORTISE_OK);
	return code;
}

bool
tls_ended(struct tls *tls)
{
	char bytes[256];
	int n;

	if (tls->ssl == NULL)
		return true;
	do {
		ERR_clear_error();
		n = SSL_read(tls->ssl, bytes, sizeof(bytes));
	} while (n > 0);
	return SSL_get_error(tls->ssl, n) != SSL_ERROR_WANT_READ;
}
