/*  Ctrl-C, handled: the program that was waiting for a message leaves in good order.
 *
 *  The handler writes a byte into a pipe, and the loop waits for the pipe as it waits for the socket. A signal that
 *  comes while zmq_poll waits makes it return with EINTR; one that comes just before finds the pipe readable.
 *
 *  SERVICE  REP, bound; says the request again
 */

#include "zhelpers.h"

static int wake_pipe[2];

static void on_signal (int signal_number)
{
    (void) signal_number;
    s_is_interrupted = 1;
    int saved_errno = errno;
    ssize_t written = write (wake_pipe[1], "", 1);
    (void) written; /* nothing can be done about it here */
    errno = saved_errno;
}

int main (void)
{
    void *context = s_context ();
    void *responder = s_socket (context, ZMQ_REP);
    s_bind (responder, "SERVICE", "tcp://*:5555");

    s_check (pipe (wake_pipe) == 0, "pipe");
    struct sigaction action;
    memset (&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);

    zmq_pollitem_t items[] = {
        { responder, 0, ZMQ_POLLIN, 0 },
        { NULL, wake_pipe[0], ZMQ_POLLIN, 0 },
    };
    printf ("waiting; Ctrl-C to leave\n");
    for (;;) {
        if (zmq_poll (items, 2, -1) == -1) {
            s_check (zmq_errno () == EINTR, "zmq_poll");
            continue; /* the pipe will tell */
        }
        if (items[1].revents & ZMQ_POLLIN)
            break;
        if (items[0].revents & ZMQ_POLLIN) {
            char *request = s_recv (responder);
            if (request)
                s_send (responder, request);
            free (request);
        }
    }
    printf ("interrupted; leaving\n");
    close (wake_pipe[1]); /* first: a signal that writes to a pipe without a reader would end the program */
    close (wake_pipe[0]);
    s_close (responder);
    return s_end (context);
}
