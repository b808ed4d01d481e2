/* SPDX-License-Identifier: BSD-2-Clause */
#include "loader/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/code.h"
#include "base/digest.h"
#include "base/file.h"
#include "loader/agree.h"
#include "loader/find.h"

typedef enum mortise_code init_fn(const struct mortise_host *, struct mortise_call *,
    const struct mortise_plugin **);

/* A plugin that is mapped and initialised: for the rest of the process. */
struct mapped {
	struct mapped *next;
	const void *handle;		/* the linker's: one for each mapped file */
	const struct mortise_plugin *descriptor;
	dev_t device;
	ino_t inode;
	char sha256[DIGEST_TEXT_SIZE];
};

/*
 * The one mutable global, for the same reason that the dynamic linker has one:
 * a mapping belongs to the process, so does the fact that its init has run,
 * and contexts that know nothing of each other may load the same plugin.
 */
static struct {
	pthread_mutex_t lock;		/* guards first, and is held while an init runs */
	struct mapped *first;
} registry = {PTHREAD_MUTEX_INITIALIZER, NULL};

/* --- the linker's errors ----------------------------------------------------- */

/*
 * dlerror says "OBJECT: what is wrong".  Where the object is not the plugin it
 * is a library that the plugin needs.  The words after it are translated on
 * some systems, so only the object is looked at.
 */
static enum mortise_code
linker_error(const char *path, const char *said, struct mortise_error *error)
{
	static const char musl[] = "Error loading shared library ";
	const char *colon;

	if (said == NULL)
		said = "the dynamic linker does not say why";
	if (strncmp(said, musl, sizeof(musl) - 1) == 0)
		said += sizeof(musl) - 1;
	colon = strstr(said, ": ");
	if (colon == NULL || strncmp(said, path, (size_t)(colon - said)) == 0)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s cannot be loaded (%s); a plugin links all that it uses, and gets Mortise's "
		    "functions by the host table", path, said);
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "%s needs the library %.*s, which cannot be loaded (%s); install it, `ldd %s` shows "
	    "all that it needs", path, (int)(colon - said), said, colon + 2, path);
}

/* --- mapping and init -------------------------------------------------------- */

static struct mapped *
find_mapped(const void *handle)
{
	struct mapped *mapped = registry.first;

	while (mapped != NULL && mapped->handle != handle)
		mapped = mapped->next;
	return mapped;
}

/* What the init said of itself, in call's error, with the file before it. */
static enum mortise_code
init_error(const char *path, enum mortise_code code, struct mortise_error *error)
{
	char said[sizeof(error->message)];

	memcpy(said, error->message, sizeof(said));
	return error_set(error, code == MORTISE_IGNORE ? MORTISE_ERROR : code,
	    MORTISE_REASON_CONFIGURATION, "%s: %.768s", path,
	    said[0] != '\0' ? said : "its init failed and does not say why; ask its author");
}

static enum mortise_code
run_init(void *handle, const char *path, const struct mortise_host *host,
    struct mortise_call *call, const struct mortise_plugin **descriptor,
    struct mortise_error *error)
{
	void *symbol = dlsym(handle, MORTISE_PLUGIN_SYMBOL);
	enum mortise_code code;
	init_fn *init;

	if (symbol == NULL)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s has no symbol " MORTISE_PLUGIN_SYMBOL "; it is not a plugin, or hides its "
		    "entry (MORTISE_PLUGIN_EXPORT)", path);
	/* ISO C knows no cast from an object pointer to a function pointer. */
	memcpy(&init, &symbol, sizeof(init));
	*descriptor = NULL;
	error_clear(error);
	code = code_known(init(host, call, descriptor));
	if (code != MORTISE_OK)
		return init_error(path, code, error);
	if (*descriptor == NULL)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s says that it is ready and hands over no descriptor; report it to its "
		    "author", path);
	return MORTISE_OK;
}

/*
 * dlopen and init, once per file and process.  NODELETE: threads, atexit
 * handlers and thread-specific data of the libraries that a plugin brings along
 * outlive any dlclose.  The handle is kept for the same reason.
 */
static enum mortise_code
map_file(const struct plugin_file *file, const struct mortise_host *host,
    struct mortise_call *call, struct mapped *result, struct mortise_error *error)
{
	void *handle = dlopen(file->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	struct mapped *mapped;
	enum mortise_code code;

	if (handle == NULL)
		return linker_error(file->path, dlerror(), error);
	mapped = find_mapped(handle);
	if (mapped != NULL) {
		*result = *mapped;
		return MORTISE_OK;
	}
	if (!plugin_file_same(file))
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s was replaced while it was loaded; start again", file->path);
	mapped = calloc(1, sizeof(*mapped));
	if (mapped == NULL)
		return error_memory(error);
	mapped->handle = handle;
	mapped->device = file->device;
	mapped->inode = file->inode;
	if (digest_file(file->fd, mapped->sha256))
		code = run_init(handle, file->path, host, call, &mapped->descriptor, error);
	else
		code = error_errno(error, errno, "%s", file->path);
	if (code != MORTISE_OK) {
		free(mapped);
		return code;
	}
	mapped->next = registry.first;
	registry.first = mapped;
	*result = *mapped;
	return MORTISE_OK;
}

static enum mortise_code
load_file(const struct plugin_file *file, const char *name, const struct mortise_host *host,
    struct mortise_call *call, struct plugin *plugin, struct mortise_error *error)
{
	struct mapped mapped = {0};
	enum mortise_code code;

	memcpy(plugin->path, file->path, sizeof(plugin->path));
	(void)pthread_mutex_lock(&registry.lock);
	code = map_file(file, host, call, &mapped, error);
	(void)pthread_mutex_unlock(&registry.lock);
	if (code != MORTISE_OK)
		return code;
	memcpy(plugin->sha256, mapped.sha256, sizeof(plugin->sha256));
	if (mapped.device != file->device || mapped.inode != file->inode)
		host->log(call, MORTISE_LOG_WARNING, "%s was replaced since it was loaded; the old "
		    "one is used until this program starts again", file->path);
	return plugin_agree(mapped.descriptor, name, plugin, error);
}

enum mortise_code
plugin_load(const struct loader *loader, const char *name, const struct mortise_host *host,
    struct mortise_call *call, struct plugin **result, struct mortise_error *error)
{
	struct plugin_file file;
	struct plugin *plugin;
	enum mortise_code code = plugin_file_find(loader, name, &file, error);

	if (code != MORTISE_OK)
		return code;
	plugin = calloc(1, sizeof(*plugin));
	if (plugin != NULL)
		code = load_file(&file, name, host, call, plugin, error);
	else
		code = error_memory(error);
	file_close(&file.fd);
	if (code != MORTISE_OK) {
		plugin_free(plugin);
		return code;
	}
	*result = plugin;
	return MORTISE_OK;
}

void
plugin_free(struct plugin *plugin)
{
	free(plugin);
}
