/*  A sink that stops the workers once all results are in.
 *
 *  SINK     PULL, bound: the start of the batch and the results
 *  CONTROL  XPUB, bound: WELCOME to each worker that comes, KILL at the end
 *  COUNT    results
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *receiver = s_socket (context, ZMQ_PULL);
    s_bind (receiver, "SINK", "tcp://*:5558");

    const char *welcome = "WELCOME";
    void *controller = s_socket (context, ZMQ_XPUB);
    s_check (zmq_setsockopt (controller, ZMQ_XPUB_WELCOME_MSG, welcome, strlen (welcome)) == 0, "ZMQ_XPUB_WELCOME_MSG");
    s_bind (controller, "CONTROL", "tcp://*:5559");

    if (s_wait (receiver) == 0) {
        int64_t start_ms = s_clock_ms ();
        long count = s_number ("COUNT", 100);
        long done = 0;
        while (done < count && !s_interrupted && s_wait (receiver) == 0) {
            putchar (done % 10 == 0 ? ':' : '.');
            fflush (stdout);
            done++;
        }
        printf ("\n%ld tasks in %ld ms\n", done, (long) (s_clock_ms () - start_ms));
        if (done == count)
            s_send (controller, "KILL");
    }
    s_close (receiver);
    s_close (controller);
    return s_end (context);
}
