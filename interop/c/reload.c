/*  Loads the library at run time, uses it from threads that it did not create, terminates, unloads it; again and again.
 *
 *  The threads live longer than each load, so that whatever the library keeps for them goes when it is gone.
 *
 *  LIBRARY  the path of the library
 *  ROUNDS   how often
 */

#define _XOPEN_SOURCE 600 /* barriers */

#include <zmq.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define MESSAGES 100

static void check (int holds, const char *what)
{
    if (!holds) {
        fprintf (stderr, "failed: %s\n", what);
        exit (1);
    }
}

/*  The functions of the library, as long as it is loaded. */
static struct {
    void *library;
    void *(*ctx_new) (void);
    int (*ctx_term) (void *);
    void *(*socket) (void *, int);
    int (*close) (void *);
    int (*bind) (void *, const char *);
    int (*connect) (void *, const char *);
    int (*getsockopt) (void *, int, void *, size_t *);
    int (*send) (void *, const void *, size_t, int);
    int (*recv) (void *, void *, size_t, int);
    int (*poll) (zmq_pollitem_t *, int, long);
} lib;

static void find (void *function, const char *name)
{
    void *symbol = dlsym (lib.library, name);
    check (symbol != NULL, name);
    memcpy (function, &symbol, sizeof symbol);
}

static void load (void)
{
    lib.library = dlopen (getenv ("LIBRARY"), RTLD_NOW | RTLD_LOCAL);
    check (lib.library != NULL, "dlopen");
    find (&lib.ctx_new, "zmq_ctx_new");
    find (&lib.ctx_term, "zmq_ctx_term");
    find (&lib.socket, "zmq_socket");
    find (&lib.close, "zmq_close");
    find (&lib.bind, "zmq_bind");
    find (&lib.connect, "zmq_connect");
    find (&lib.getsockopt, "zmq_getsockopt");
    find (&lib.send, "zmq_send");
    find (&lib.recv, "zmq_recv");
    find (&lib.poll, "zmq_poll");
}

/*  Sends messages of several sizes from one socket to another. */
static void pass_messages (void *context, const char *wanted)
{
    static const size_t sizes[] = { 1, 40, 500, 70000 };
    static char body[70000];
    char endpoint[256], *received = malloc (sizeof body);
    size_t length = sizeof endpoint;
    void *push = lib.socket (context, ZMQ_PUSH), *pull = lib.socket (context, ZMQ_PULL);
    check (push && pull && received, "two sockets");
    check (lib.bind (pull, wanted) == 0, "zmq_bind");
    check (lib.getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0, "zmq_getsockopt");
    check (lib.connect (push, endpoint) == 0, "zmq_connect");
    for (int i = 0; i < MESSAGES; i++) {
        int size = (int) sizes[i % 4];
        zmq_pollitem_t item = { pull, 0, ZMQ_POLLIN, 0 };
        check (lib.send (push, body, (size_t) size, 0) == size, "zmq_send");
        check (lib.poll (&item, 1, -1) == 1, "zmq_poll");
        check (lib.recv (pull, received, sizeof body, 0) == size, "zmq_recv");
    }
    check (lib.close (push) == 0 && lib.close (pull) == 0, "zmq_close");
    free (received);
}

static void use (int number)
{
    char name[64];
    void *context = lib.ctx_new ();
    check (context != NULL, "zmq_ctx_new");
    sprintf (name, "inproc://thread-%d", number);
    pass_messages (context, name);
    pass_messages (context, "tcp://127.0.0.1:*");
    check (lib.ctx_term (context) == 0, "zmq_ctx_term");
}

static int rounds;
static pthread_barrier_t loaded, used, unloaded;

/*  A thread that uses each load of the library. */
static void *run (void *argument)
{
    for (int round = 0; round < rounds; round++) {
        pthread_barrier_wait (&loaded);
        use (*(int *) argument);
        pthread_barrier_wait (&used);
        pthread_barrier_wait (&unloaded);
    }
    return NULL;
}

static pthread_barrier_t left;

/*  A thread that uses one load of the library, and ends when it is gone. */
static void *run_once (void *argument)
{
    use (*(int *) argument);
    pthread_barrier_wait (&used);
    pthread_barrier_wait (&left);
    return NULL;
}

int main (void)
{
    pthread_t threads[THREADS], passing;
    int numbers[THREADS + 1];
    rounds = atoi (getenv ("ROUNDS"));
    pthread_barrier_init (&loaded, NULL, THREADS + 1);
    pthread_barrier_init (&used, NULL, THREADS + 2);
    pthread_barrier_init (&unloaded, NULL, THREADS + 1);
    pthread_barrier_init (&left, NULL, 2);
    for (int i = 0; i <= THREADS; i++)
        numbers[i] = i;
    for (int i = 0; i < THREADS; i++)
        check (pthread_create (&threads[i], NULL, run, &numbers[i]) == 0, "pthread_create");
    for (int round = 0; round < rounds; round++) {
        load ();
        check (pthread_create (&passing, NULL, run_once, &numbers[THREADS]) == 0, "pthread_create");
        pthread_barrier_wait (&loaded);
        use (THREADS + 1);
        pthread_barrier_wait (&used);
        check (dlclose (lib.library) == 0, "dlclose");
        memset (&lib, 0, sizeof lib);
        pthread_barrier_wait (&left);
        check (pthread_join (passing, NULL) == 0, "pthread_join");
        pthread_barrier_wait (&unloaded);
    }
    for (int i = 0; i < THREADS; i++)
        check (pthread_join (threads[i], NULL) == 0, "pthread_join");
    printf ("%d rounds\n", rounds);
    return 0;
}
