/* Which libzmq this program runs on. dl_iterate_phdr is GNU's: _GNU_SOURCE is defined before any header. */
#ifndef LOADED_H
#define LOADED_H

#include <link.h>
#include <stdio.h>
#include <string.h>

static int count_libzmq (struct dl_phdr_info *object, size_t size, void *count)
{
    (void) size;
    if (strstr (object->dlpi_name, "libzmq"))
        ++*(int *) count;
    return 0;
}

/* Whether libzmq is linked as the program's argument says, "shared" or "static", and is that of zmq.h. */
static int linked_as (const char *kind)
{
    int loaded = 0, major, minor, patch;
    dl_iterate_phdr (count_libzmq, &loaded);
    zmq_version (&major, &minor, &patch);
    if (ZMQ_MAKE_VERSION (major, minor, patch) != ZMQ_VERSION) {
        fprintf (stderr, "the header is not that of the library, %d.%d.%d\n", major, minor, patch);
        return 0;
    }
    if (loaded != (strcmp (kind, "shared") == 0)) {
        fprintf (stderr, "linked as %s, but %d libzmq is loaded\n", kind, loaded);
        return 0;
    }
    return 1;
}

#endif
