/*  Closes sockets and contexts in the midst of traffic, again and again.
 *
 *  A round over each transport has two parts. First some senders send, close and terminate at once, each in a context
 *  of its own where the transport allows it: everything that they sent has to arrive, in order. Then a receiver closes
 *  while a sender sends on: both have to end.
 *
 *  TRANSPORTS  some of tcp, ipc, inproc
 *  ROUNDS      how often
 *  DIRECTORY   where the sockets of ipc are made
 */

#include "zhelpers.h"

#include <pthread.h>

#define SENDERS 3
#define MESSAGES 200
#define LARGEST 3000

struct sender {
    int number;
    int is_endless;
    void *own_context;
    void *socket; /* the thread's, once it runs */
    pthread_t thread;
};

/*  The header of each message; as many bytes of filling follow as size says. */
struct label {
    int sender;
    int sequence;
    int size;
};

static int size_of (int sender, int sequence)
{
    return (sender * 7919 + sequence * 104729) % LARGEST;
}

/*  Sends one message: 0, or -1 when the context is terminated or (without end) nobody takes it. */
static int send_one (void *socket, int sender, int sequence)
{
    char buffer[sizeof (struct label) + LARGEST];
    struct label label = { sender, sequence, size_of (sender, sequence) };
    memset (buffer, sequence & 0xff, sizeof buffer);
    memcpy (buffer, &label, sizeof label);
    if (zmq_send (socket, buffer, sizeof label + (size_t) label.size, 0) >= 0)
        return 0;
    s_check (s_is_end () || zmq_errno () == EAGAIN, "zmq_send");
    return -1;
}

static void *run_sender (void *argument)
{
    struct sender *self = (struct sender *) argument;
    for (int sequence = 0; self->is_endless || sequence < MESSAGES; sequence++)
        if (send_one (self->socket, self->number, sequence) == -1)
            break;
    s_check (zmq_close (self->socket) == 0, "zmq_close");
    if (self->own_context)
        s_end (self->own_context);
    return NULL;
}

/*  Starts a sender in a context that it shares with the receiver, or (NULL) in one of its own. */
static void start (struct sender *self, void *context, const char *endpoint)
{
    if (!context) {
        context = self->own_context = zmq_ctx_new ();
        s_check (context != NULL, "zmq_ctx_new");
    }
    self->socket = s_socket (context, ZMQ_PUSH);
    s_set_int (self->socket, ZMQ_LINGER, self->is_endless ? 0 : -1);
    s_check (zmq_connect (self->socket, endpoint) == 0, endpoint);
    s_check ((errno = pthread_create (&self->thread, NULL, run_sender, self)) == 0, "pthread_create");
}

/*  Receives a message and checks that it is the next of its sender. */
static void receive_one (void *socket, int *next)
{
    char buffer[sizeof (struct label) + LARGEST];
    int size = zmq_recv (socket, buffer, sizeof buffer, 0);
    s_check (size >= 0, "zmq_recv");
    struct label label;
    memcpy (&label, buffer, sizeof label);
    int is_next = label.sender >= 0 && label.sender < SENDERS && label.sequence == next[label.sender]
                  && label.size == size_of (label.sender, label.sequence) && size == (int) sizeof label + label.size;
    if (!is_next) {
        fprintf (stderr, "wrong message: %d bytes, sender %d, sequence %d\n", size, label.sender, label.sequence);
        exit (EXIT_FAILURE);
    }
    next[label.sender]++;
}

/*  A receiver that fails instead of waiting for what has been lost. */
static void *receiver (void *context, const char *wildcard, char *endpoint, size_t size)
{
    void *socket = s_socket (context, ZMQ_PULL);
    s_set_int (socket, ZMQ_RCVTIMEO, 60000);
    s_check (zmq_bind (socket, wildcard) == 0, wildcard);
    s_check (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
    return socket;
}

static void senders_close (const char *wildcard, int is_shared)
{
    void *context = s_context ();
    char endpoint[256];
    void *socket = receiver (context, wildcard, endpoint, sizeof endpoint);
    struct sender senders[SENDERS];
    int next[SENDERS] = { 0 };
    memset (senders, 0, sizeof senders);
    for (int i = 0; i < SENDERS; i++) {
        senders[i].number = i;
        start (&senders[i], is_shared ? context : NULL, endpoint);
    }
    for (int i = 0; i < SENDERS * MESSAGES; i++)
        receive_one (socket, next);
    for (int i = 0; i < SENDERS; i++)
        pthread_join (senders[i].thread, NULL);
    s_close (socket);
    s_end (context);
}

static void receiver_closes (const char *wildcard, int messages)
{
    void *context = s_context ();
    char endpoint[256];
    void *socket = receiver (context, wildcard, endpoint, sizeof endpoint);
    struct sender sender;
    memset (&sender, 0, sizeof sender);
    sender.is_endless = 1;
    start (&sender, context, endpoint);
    int next[SENDERS] = { 0 };
    for (int i = 0; i < messages; i++)
        receive_one (socket, next);
    s_check (zmq_close (socket) == 0, "zmq_close");
    s_end (context); /* waits for the sender, whose calls end with ETERM */
    pthread_join (sender.thread, NULL);
}

int main (void)
{
    const char *transports = s_setting ("TRANSPORTS", "tcp ipc inproc");
    long rounds = s_number ("ROUNDS", 1000);
    char ipc[200];
    snprintf (ipc, sizeof ipc, "ipc://%s/storm", s_setting ("DIRECTORY", "/tmp"));
    const struct {
        const char *name, *wildcard;
    } all[] = { { "tcp", "tcp://127.0.0.1:*" }, { "ipc", ipc }, { "inproc", "inproc://storm" } };

    for (long round = 0; round < rounds; round++)
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            if (strstr (transports, all[i].name)) {
                senders_close (all[i].wildcard, strcmp (all[i].name, "inproc") == 0);
                receiver_closes (all[i].wildcard, (int) (round % 50));
            }
    printf ("%ld rounds over %s: nothing lost\n", rounds, transports);
    return EXIT_SUCCESS;
}
