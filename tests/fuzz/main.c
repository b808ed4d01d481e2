/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds a fuzz target its corpus: in order, each file a check that it comes back. */
#include <dirent.h>
#include <errno.h>

#include "../test.h"
#include "fuzz.h"

static int
visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool
feed(const char *directory, const char *name)
{
	static uint8_t bytes[1 << 20];
	char path[1024];
	size_t size;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	size = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	return LLVMFuzzerTestOneInput(bytes, size) == 0;
}

int
main(int argc, char **argv)
{
	const char *source = getenv("srcdir"), *name = strrchr(argv[0], '/');
	struct dirent **files;
	char directory[512];
	int count;

	(void)argc;
	name = name == NULL ? argv[0] : name + 1;
	if (strncmp(name, "lt-", 3) == 0)
		name += 3;
	(void)snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus/%s",
	    source == NULL ? "." : source, name);
	count = scandir(directory, &files, visible, alphasort);
	CHECK_AS(count > 0, "%s: a corpus", directory);
	for (int i = 0; i < count; i++) {
		CHECK_AS(feed(directory, files[i]->d_name), "%s", files[i]->d_name);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	CHECK_AS(LLVMFuzzerTestOneInput((const uint8_t *)"", 0) == 0, "nothing at all");
	return test_end();
}
