/*  Two sockets, read in turn without waiting: simple, but it wakes up a thousand times a second for nothing, and a
 *  message may have to wait for that. mspoller does it properly.
 *
 *  VENTILATOR  PULL, connected: tasks
 *  WEATHER     SUB, connected: updates
 *  FILTER      zip code, or the first digits of several
 */

#include "zhelpers.h"

/*  Prints what has arrived, at most some messages, so that neither socket starves the other. */
static int print_waiting (void *socket, const char *what)
{
    int printed = 0;
    char *message;
    while (printed < 100 && (message = s_recv_flags (socket, ZMQ_DONTWAIT)) != NULL) {
        printf ("%s %s\n", what, message);
        free (message);
        printed++;
    }
    return printed;
}

int main (void)
{
    void *context = s_context ();
    void *receiver = s_socket (context, ZMQ_PULL);
    s_connect (receiver, "VENTILATOR", "tcp://localhost:5557");
    void *subscriber = s_socket (context, ZMQ_SUB);
    s_connect (subscriber, "WEATHER", "tcp://localhost:5556");
    s_subscribe (subscriber, s_setting ("FILTER", "10001"));

    while (!s_is_interrupted) {
        int printed = print_waiting (receiver, "task");
        printed += print_waiting (subscriber, "weather");
        if (printed == 0)
            s_sleep (1);
    }
    s_close (receiver);
    s_close (subscriber);
    return s_end (context);
}
