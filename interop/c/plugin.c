/*  Loads and unloads a shared library whose constructor and destructor use the sockets of ZeroMQ: the dynamic loader
 *  holds a lock meanwhile, for which no thread of ours may wait.
 *
 *  The program and the library are made of this file, the library with LIBRARY defined.
 *
 *  PLUGIN    the path of the library
 *  ENDPOINT  where its sockets are bound
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check (int holds, const char *what)
{
    if (!holds) {
        fprintf (stderr, "failed: %s\n", what);
        exit (1);
    }
}

#ifdef LIBRARY

#include <zmq.h>

static void *kept_context, *kept_push, *kept_pull;

static void open_sockets (void **context, void **push, void **pull)
{
    char endpoint[256];
    size_t length = sizeof endpoint;
    *context = zmq_ctx_new ();
    *push = zmq_socket (*context, ZMQ_PUSH);
    *pull = zmq_socket (*context, ZMQ_PULL);
    check (*push && *pull, "two sockets");
    check (zmq_bind (*pull, getenv ("ENDPOINT")) == 0, "zmq_bind");
    check (zmq_getsockopt (*pull, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0, "zmq_getsockopt");
    check (zmq_connect (*push, endpoint) == 0, "zmq_connect");
}

static void pass_messages (void *push, void *pull)
{
    static char body[5000], received[sizeof body];
    for (int size = 1; size <= (int) sizeof body; size += 999) {
        check (zmq_send (push, body, (size_t) size, 0) == size, "zmq_send");
        check (zmq_recv (pull, received, sizeof received, 0) == size, "zmq_recv");
    }
}

static void end (void *context, void *push, void *pull)
{
    check (zmq_close (push) == 0 && zmq_close (pull) == 0, "zmq_close");
    check (zmq_ctx_term (context) == 0, "zmq_ctx_term");
}

static void use (const char *where)
{
    void *context, *push, *pull;
    open_sockets (&context, &push, &pull);
    pass_messages (push, pull);
    end (context, push, pull);
    printf ("used in the %s\n", where);
    fflush (stdout);
}

__attribute__ ((constructor)) static void begin_library (void)
{
    use ("constructor");
}

__attribute__ ((destructor)) static void end_library (void)
{
    /*  No message has passed here: its threads have had nothing to do. */
    end (kept_context, kept_push, kept_pull);
    use ("destructor");
}

/*  Called between the two. */
void keep (void)
{
    open_sockets (&kept_context, &kept_push, &kept_pull);
}

#else

int main (void)
{
    void (*keep) (void);
    void *library = dlopen (getenv ("PLUGIN"), RTLD_NOW | RTLD_LOCAL);
    check (library != NULL, "dlopen");
    void *symbol = dlsym (library, "keep");
    check (symbol != NULL, "dlsym");
    memcpy (&keep, &symbol, sizeof symbol);
    keep ();
    check (dlclose (library) == 0, "dlclose");
    puts ("unloaded");
    return 0;
}

#endif
