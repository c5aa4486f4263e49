/*  A sink that stops the workers once all results are in.
 *
 *  SINK     PULL, bound: the start of the batch and the results
 *  CONTROL  XPUB, bound: WELCOME when a worker has subscribed, KILL at the end
 *  COUNT    results
 */

#include "zhelpers.h"

/*  Welcomes workers until a message is there, which it reads: 0, or -1 if the program is to end. */
static int next_message (void *receiver, void *controller)
{
    zmq_pollitem_t items[] = {
        { receiver, 0, ZMQ_POLLIN, 0 },
        { controller, 0, ZMQ_POLLIN, 0 },
    };
    while (!s_is_interrupted && s_poll (items, 2, -1) == 0) {
        if (items[1].revents & ZMQ_POLLIN && (s_wait (controller) == -1 || s_send (controller, "WELCOME") == -1))
            return -1;
        if (items[0].revents & ZMQ_POLLIN)
            return s_wait (receiver);
    }
    return -1;
}

int main (void)
{
    void *context = s_context ();
    void *receiver = s_socket (context, ZMQ_PULL);
    s_bind (receiver, "SINK", "tcp://*:5558");
    void *controller = s_socket (context, ZMQ_XPUB);
    s_set_int (controller, ZMQ_XPUB_VERBOSE, 1); /* show each subscription, not only the first of a topic */
    s_bind (controller, "CONTROL", "tcp://*:5559");

    if (next_message (receiver, controller) == 0) {
        int64_t start_ms = s_clock ();
        long count = s_number ("COUNT", 100);
        long done = 0;
        while (done < count && next_message (receiver, controller) == 0) {
            putchar (done % 10 == 0 ? ':' : '.');
            fflush (stdout);
            done++;
        }
        printf ("\n%ld tasks in %ld ms\n", done, (long) (s_clock () - start_ms));
        if (done == count)
            s_send (controller, "KILL");
    }
    s_close (receiver);
    s_close (controller);
    return s_end (context);
}
