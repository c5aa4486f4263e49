/*  Cancels threads inside of the library's calls, again and again: each ends, or goes on if it has said so, and what it
 *  used works in another thread.
 *
 *  TRANSPORTS  some of tcp, ipc, inproc
 *  ROUNDS      how often
 *  DIRECTORY   where the sockets of ipc are made
 *  CASE        one of the calls; all unless given
 *  SEED        of the delays
 */

#define ZMQ_BUILD_DRAFT_API
#include "zhelpers.h"

#include <pthread.h>

/*  What a library without the draft interface has not. */
#pragma weak zmq_poller_new
#pragma weak zmq_poller_add
#pragma weak zmq_poller_wait
#pragma weak zmq_poller_destroy

#define LARGE 50000
#define LONGEST_DELAY 1500 /* microseconds */

/*  Two sockets that are connected, and one alone. The thread that is cancelled uses the first. */
struct stage {
    void *context, *own, *peer, *alone;
    pthread_barrier_t barrier;
};

static int cleanups; /* of threads that are joined since */

static void clean_up (void *message)
{
    zmq_msg_close ((zmq_msg_t *) message);
    cleanups++;
}

/*  ---- What threads do until they are cancelled ------------------------------------------------------------------ */

static void *receive (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    char buffer[100];
    for (;;)
        s_check (zmq_recv (stage->own, buffer, sizeof buffer, 0) >= 0, "zmq_recv");
    return NULL;
}

static void *receive_message (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    zmq_msg_t message;
    zmq_msg_init (&message);
    pthread_cleanup_push (clean_up, &message);
    for (;;)
        s_check (zmq_msg_recv (&message, stage->own, 0) >= 0, "zmq_msg_recv");
    pthread_cleanup_pop (1);
    return NULL;
}

static void *send_buffers (void *argument)
{
    static const char body[LARGE];
    struct stage *stage = (struct stage *) argument;
    for (;;)
        s_check (zmq_send (stage->own, body, sizeof body, 0) >= 0, "zmq_send");
    return NULL;
}

static void *send_messages (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    zmq_msg_t message;
    zmq_msg_init (&message);
    pthread_cleanup_push (clean_up, &message);
    for (;;) {
        s_check (zmq_msg_init_size (&message, LARGE) == 0, "zmq_msg_init_size");
        memset (zmq_msg_data (&message), 0, LARGE);
        s_check (zmq_msg_send (&message, stage->own, 0) >= 0, "zmq_msg_send");
    }
    pthread_cleanup_pop (1);
    return NULL;
}

static void *poll_one (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    zmq_pollitem_t item = { stage->own, 0, ZMQ_POLLIN, 0 };
    s_check (zmq_poll (&item, 1, -1) >= 0, "zmq_poll");
    return NULL;
}

static void *poll_two (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    zmq_pollitem_t items[] = { { stage->own, 0, ZMQ_POLLIN, 0 }, { stage->alone, 0, ZMQ_POLLIN, 0 } };
    for (;;)
        s_check (zmq_poll (items, 2, 60000) >= 0, "zmq_poll");
    return NULL;
}

static void destroy (void *poller)
{
    s_check (zmq_poller_destroy (&poller) == 0, "zmq_poller_destroy");
}

static void destroy_timers (void *timers)
{
    s_check (zmq_timers_destroy (&timers) == 0, "zmq_timers_destroy");
}

static void *wait_for_poller (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    zmq_poller_event_t event;
    void *poller = zmq_poller_new ();
    pthread_cleanup_push (destroy, poller);
    s_check (zmq_poller_add (poller, stage->own, NULL, ZMQ_POLLIN) == 0, "zmq_poller_add");
    s_check (zmq_poller_wait (poller, &event, -1) == 0, "zmq_poller_wait");
    pthread_cleanup_pop (1);
    return NULL;
}

static void *run_proxy (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    zmq_proxy (stage->own, stage->alone, NULL);
    return NULL;
}

static void *do_sleep (void *argument)
{
    (void) argument;
    zmq_sleep (100);
    return NULL;
}

static void *terminate (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    zmq_ctx_term (stage->context);
    return NULL;
}

/*  Is cancelled before it waits. */
static void *receive_cancelled (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    int before;
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &before);
    pthread_barrier_wait (&stage->barrier);
    pthread_barrier_wait (&stage->barrier);
    pthread_setcancelstate (before, &before);
    return receive (argument);
}

/*  Cannot be cancelled. */
static void *receive_uncancelled (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    char buffer[100];
    int before;
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &before);
    pthread_barrier_wait (&stage->barrier);
    s_check (zmq_recv (stage->own, buffer, sizeof buffer, 0) >= 0, "zmq_recv");
    return stage;
}

/*  Makes sockets that come and go. */
static void *open_and_close (void *argument)
{
    struct stage *stage = (struct stage *) argument;
    char endpoint[256];
    size_t size = sizeof endpoint;
    s_check (zmq_getsockopt (stage->own, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
    for (;;) {
        int before;
        pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &before); /* or a socket would be left open */
        void *socket = s_socket (stage->context, ZMQ_PUSH);
        s_set_int (socket, ZMQ_LINGER, 0);
        s_check (zmq_connect (socket, endpoint) == 0, endpoint);
        pthread_setcancelstate (before, &before);
        zmq_send (socket, "", 0, ZMQ_DONTWAIT);
        s_check (zmq_close (socket) == 0, "zmq_close");
        pthread_testcancel ();
    }
    return NULL;
}

/*  Lets the library call functions that are cancellation points. */
static void wait_and_free (void *data, void *hint)
{
    struct timespec moment = { 0, 1000 };
    (void) hint;
    nanosleep (&moment, NULL);
    free (data);
}

static void wait_for_timer (int id, void *argument)
{
    (void) id;
    wait_and_free (NULL, argument);
}

static void *call_back (void *argument)
{
    void *timers = zmq_timers_new ();
    zmq_timers_add (timers, 0, wait_for_timer, argument);
    pthread_cleanup_push (destroy_timers, timers);
    for (;;) {
        zmq_msg_t message;
        zmq_msg_init_data (&message, malloc (1), 1, wait_and_free, NULL);
        s_check (zmq_msg_close (&message) == 0, "zmq_msg_close");
        s_check (zmq_timers_execute (timers) == 0, "zmq_timers_execute");
        pthread_testcancel ();
    }
    pthread_cleanup_pop (1);
    return NULL;
}

/*  ---- Cancelling them ------------------------------------------------------------------------------------------- */

enum { RECEIVES, SENDS };

static const struct act {
    const char *name;
    void *(*run) (void *);
    int direction;
    int own, peer;
} acts[] = {
    { "recv", receive, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "msg_recv", receive_message, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "recv-shared", receive, RECEIVES, ZMQ_GATHER, ZMQ_SCATTER },
    { "send", send_buffers, SENDS, ZMQ_PUSH, ZMQ_PULL },
    { "msg_send", send_messages, SENDS, ZMQ_PUSH, ZMQ_PULL },
    { "send-shared", send_buffers, SENDS, ZMQ_SCATTER, ZMQ_GATHER },
    { "poll", poll_one, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "poll-two", poll_two, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "poll-shared", poll_two, RECEIVES, ZMQ_GATHER, ZMQ_SCATTER },
    { "poller", wait_for_poller, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "proxy", run_proxy, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "sleep", do_sleep, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "term", terminate, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "pending", receive_cancelled, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "disabled", receive_uncancelled, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "traffic", receive, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "callbacks", call_back, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
    { "sockets", open_and_close, RECEIVES, ZMQ_PULL, ZMQ_PUSH },
};

static void wait_a_little (void)
{
    struct timespec delay = { 0, rand () % LONGEST_DELAY * 1000 };
    nanosleep (&delay, NULL);
}

/*  Whether the call is one of the draft interface, or its sockets are. */
static int is_draft (const struct act *act)
{
    return act->run == wait_for_poller || act->own == ZMQ_GATHER || act->own == ZMQ_SCATTER;
}

/*  Sends a message from one socket to the other, which may have others to read first. */
static void pass (void *from, void *to)
{
    static char buffer[LARGE];
    while (zmq_send (from, "last", 4, ZMQ_DONTWAIT) == -1) {
        s_check (zmq_errno () == EAGAIN, "zmq_send");
        if (zmq_recv (to, buffer, sizeof buffer, ZMQ_DONTWAIT) == -1)
            s_check (zmq_errno () == EAGAIN, "zmq_recv");
    }
    do
        s_check (zmq_recv (to, buffer, sizeof buffer, 0) >= 0, "zmq_recv");
    while (memcmp (buffer, "last", 4) != 0);
}

static void *new_socket (void *context, int type)
{
    void *socket = s_socket (context, type);
    s_set_int (socket, ZMQ_LINGER, 0);
    s_set_int (socket, ZMQ_SNDHWM, 2);
    s_set_int (socket, ZMQ_RCVHWM, 2);
    return socket;
}

static void perform (const struct act *act, const char *wildcard)
{
    struct stage stage;
    pthread_t thread;
    void *result;
    char endpoint[256];
    size_t size = sizeof endpoint;
    int has_barrier = act->run == receive_cancelled || act->run == receive_uncancelled;

    stage.context = zmq_ctx_new ();
    s_check (stage.context != NULL, "zmq_ctx_new");
    stage.own = new_socket (stage.context, act->own);
    stage.peer = new_socket (stage.context, act->peer);
    stage.alone = new_socket (stage.context, ZMQ_PUSH);
    pthread_barrier_init (&stage.barrier, NULL, 2);
    s_check (zmq_bind (stage.own, wildcard) == 0, wildcard);
    s_check (zmq_getsockopt (stage.own, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
    s_check (zmq_connect (stage.peer, endpoint) == 0, endpoint);
    if (act->direction == SENDS)
        pass (stage.own, stage.peer);
    else
        pass (stage.peer, stage.own);

    cleanups = 0;
    s_check ((errno = pthread_create (&thread, NULL, act->run, &stage)) == 0, "pthread_create");
    if (has_barrier)
        pthread_barrier_wait (&stage.barrier);
    wait_a_little ();
    if (strcmp (act->name, "traffic") == 0)
        for (int i = rand () % 1000; i > 0; i--)
            s_check (zmq_send (stage.peer, &i, sizeof i, 0) >= 0, "zmq_send");
    s_check ((errno = pthread_cancel (thread)) == 0, "pthread_cancel");
    if (act->run == receive_cancelled)
        pthread_barrier_wait (&stage.barrier);
    if (act->run == receive_uncancelled) {
        wait_a_little ();
        s_check (zmq_send (stage.peer, "", 0, 0) == 0, "zmq_send");
    }
    s_check ((errno = pthread_join (thread, &result)) == 0, "pthread_join");
    if (result != (act->run == receive_uncancelled ? (void *) &stage : PTHREAD_CANCELED)) {
        fprintf (stderr, "%s over %s: the thread ended by itself\n", act->name, wildcard);
        exit (EXIT_FAILURE);
    }
    if ((act->run == receive_message || act->run == send_messages) != cleanups) {
        fprintf (stderr, "%s over %s: %d times cleaned up\n", act->name, wildcard, cleanups);
        exit (EXIT_FAILURE);
    }

    if (act->run != terminate) {
        s_set_int (stage.own, ZMQ_RCVTIMEO, 60000);
        s_set_int (stage.peer, ZMQ_RCVTIMEO, 60000);
        if (act->direction == SENDS)
            pass (stage.own, stage.peer);
        else
            pass (stage.peer, stage.own);
    }
    s_check (zmq_close (stage.own) == 0 && zmq_close (stage.peer) == 0, "zmq_close");
    s_check (zmq_close (stage.alone) == 0, "zmq_close");
    s_end (stage.context);
    pthread_barrier_destroy (&stage.barrier);
}

int main (void)
{
    const char *transports = s_setting ("TRANSPORTS", "tcp ipc inproc");
    const char *only = s_setting ("CASE", "");
    long rounds = s_number ("ROUNDS", 10);
    char ipc[200];
    snprintf (ipc, sizeof ipc, "ipc://%s/cancel", s_setting ("DIRECTORY", "/tmp"));
    const struct {
        const char *name, *wildcard;
    } all[] = { { "tcp", "tcp://127.0.0.1:*" }, { "ipc", ipc }, { "inproc", "inproc://cancel" } };

    srand ((unsigned) s_number ("SEED", 1));
    for (size_t act = 0; act < sizeof acts / sizeof acts[0]; act++) {
        if (is_draft (&acts[act]) && !zmq_has ("draft"))
            continue;
        if (*only && strcmp (only, acts[act].name) != 0)
            continue;
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            for (long round = 0; strstr (transports, all[i].name) && round < rounds; round++)
                perform (&acts[act], all[i].wildcard);
        printf ("%s\n", acts[act].name);
        fflush (stdout);
    }
    return EXIT_SUCCESS;
}
