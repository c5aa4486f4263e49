/*  A ventilator of tasks: each is a number of milliseconds to work.
 *
 *  VENTILATOR  PUSH, bound for the workers
 *  SINK        PUSH, connected to the sink, which hears of the start of the batch
 *  COUNT       tasks
 *  LONGEST     the longest task, in milliseconds
 *
 *  Begins when a line comes from stdin, so that the workers can be started before.
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *sender = s_socket (context, ZMQ_PUSH);
    s_bind (sender, "VENTILATOR", "tcp://*:5557");
    void *sink = s_socket (context, ZMQ_PUSH);
    s_connect (sink, "SINK", "tcp://localhost:5558");

    printf ("press Enter when the workers are ready\n");
    if (getchar () != EOF && s_send (sink, "START") == 0) {
        long count = s_number ("COUNT", 100);
        long longest = s_number ("LONGEST", 100);
        long total = 0;
        srand ((unsigned) s_clock ());
        for (long task = 0; task < count && !s_is_interrupted; task++) {
            long workload = longest ? 1 + rand () % longest : 0;
            char text[24];
            snprintf (text, sizeof text, "%ld", workload);
            if (s_send (sender, text) == -1)
                break;
            total += workload;
        }
        printf ("work in all: %ld ms\n", total);
    }
    s_close (sink);
    s_close (sender);
    return s_end (context);
}
