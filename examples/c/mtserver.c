/*  A server with five threads, fed by a proxy over inproc.
 *
 *  SERVICE  ROUTER, bound
 *  WORK     milliseconds that a request takes
 */

#include "zhelpers.h"

#include <pthread.h>

#define THREADS 5

/*  Ends when the context is shut down, which may be at once. */
static void *serve (void *context)
{
    void *responder = zmq_socket (context, ZMQ_REP);
    if (!responder && s_is_end ())
        return NULL;
    s_check (responder != NULL, "zmq_socket");
    s_check (zmq_connect (responder, "inproc://workers") == 0 || s_is_end (), "inproc://workers");

    long work_ms = s_number ("WORK", 1000);
    char *request;
    while ((request = s_recv (responder)) != NULL) {
        printf ("received %s\n", request);
        free (request);
        s_sleep (work_ms);
        if (s_send (responder, "World") == -1)
            break;
    }
    s_close (responder);
    return NULL;
}

int main (void)
{
    void *context = s_context ();
    void *workers = s_socket (context, ZMQ_DEALER);
    s_check (zmq_bind (workers, "inproc://workers") == 0, "inproc://workers");

    /*  Signals are for the main thread, which waits in the proxy. */
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        s_check ((errno = pthread_create (&threads[i], NULL, serve, context)) == 0, "pthread_create");
    pthread_sigmask (SIG_SETMASK, &before, NULL);

    void *clients = s_socket (context, ZMQ_ROUTER);
    s_bind (clients, "SERVICE", "tcp://*:5555");

    zmq_proxy (clients, workers, NULL);
    s_check (s_is_end (), "zmq_proxy");

    zmq_ctx_shutdown (context);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    s_close (clients);
    s_close (workers);
    return s_end (context);
}
