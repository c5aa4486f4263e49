/* Request and reply over tcp, between two threads. The argument says how libzmq is linked: shared or static. */
#define _GNU_SOURCE
#include <zmq.h>
#include <zmq_utils.h>

#include <pthread.h>
#include <stdlib.h>

#include "loaded.h"

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf (stderr, "line %d: %s: %s\n", __LINE__, #condition, zmq_strerror (zmq_errno ())); \
            exit (1);                                                                          \
        }                                                                                      \
    } while (0)

/* Answers one request. */
static void *serve (void *socket)
{
    char request[16];
    CHECK (zmq_recv (socket, request, sizeof request, 0) == 5);
    CHECK (memcmp (request, "Hello", 5) == 0);
    CHECK (zmq_send (socket, "World", 5, 0) == 5);
    CHECK (zmq_close (socket) == 0);
    return NULL;
}

int main (int argc, char **argv)
{
    CHECK (argc == 2 && linked_as (argv[1]));

    void *context = zmq_ctx_new ();
    void *server = zmq_socket (context, ZMQ_REP), *client = zmq_socket (context, ZMQ_REQ);
    CHECK (server && client);
    int timeout = 20000;
    CHECK (zmq_setsockopt (server, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0);
    CHECK (zmq_setsockopt (client, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0);
    CHECK (zmq_bind (server, "tcp://127.0.0.1:*") == 0);
    char endpoint[64];
    size_t size = sizeof endpoint;
    CHECK (zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    CHECK (zmq_connect (client, endpoint) == 0);

    pthread_t thread;
    CHECK (pthread_create (&thread, NULL, serve, server) == 0);
    char reply[16];
    CHECK (zmq_send (client, "Hello", 5, 0) == 5);
    CHECK (zmq_recv (client, reply, sizeof reply, 0) == 5);
    CHECK (memcmp (reply, "World", 5) == 0);
    CHECK (pthread_join (thread, NULL) == 0);
    CHECK (zmq_close (client) == 0);
    CHECK (zmq_ctx_term (context) == 0);
    printf ("%s: %s answered\n", argv[1], endpoint);
    return 0;
}
