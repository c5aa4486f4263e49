/*  Three threads that tell each other when they are ready, over pairs of sockets and nothing else.
 *
 *  Each binds before it starts the one that connects to it.
 */

#include "zhelpers.h"

#include <pthread.h>

static void *pair (void *context, int (*attach) (void *, const char *), const char *endpoint)
{
    void *socket = s_socket (context, ZMQ_PAIR);
    s_check (attach (socket, endpoint) == 0, endpoint);
    return socket;
}

static void signal_ready (void *context, const char *endpoint)
{
    void *next = pair (context, zmq_connect, endpoint);
    s_send (next, "READY");
    s_close (next);
}

/*  Starts the step before, and waits until it is ready. */
static void await_step (void *context, const char *endpoint, void *(*step) (void *) )
{
    void *receiver = pair (context, zmq_bind, endpoint);
    pthread_t thread;
    s_check ((errno = pthread_create (&thread, NULL, step, context)) == 0, "pthread_create");
    s_wait (receiver);
    s_close (receiver);
    pthread_join (thread, NULL);
}

static void *step1 (void *context)
{
    printf ("step 1 is ready\n");
    signal_ready (context, "inproc://step2");
    return NULL;
}

static void *step2 (void *context)
{
    await_step (context, "inproc://step2", step1);
    printf ("step 2 is ready\n");
    signal_ready (context, "inproc://step3");
    return NULL;
}

int main (void)
{
    void *context = s_context ();
    await_step (context, "inproc://step3", step2);
    if (!s_is_interrupted)
        printf ("all steps are ready\n");
    return s_end (context);
}
