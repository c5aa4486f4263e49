/*  Two sockets, waited for together.
 *
 *  VENTILATOR  PULL, connected: tasks
 *  WEATHER     SUB, connected: updates
 *  FILTER      zip code, or the first digits of several
 */

#include "zhelpers.h"

static void print_one (void *socket, const char *what)
{
    char *message = s_recv (socket);
    if (message)
        printf ("%s %s\n", what, message);
    free (message);
}

int main (void)
{
    void *context = s_context ();
    void *receiver = s_socket (context, ZMQ_PULL);
    s_connect (receiver, "VENTILATOR", "tcp://localhost:5557");
    void *subscriber = s_socket (context, ZMQ_SUB);
    s_connect (subscriber, "WEATHER", "tcp://localhost:5556");
    s_subscribe (subscriber, s_setting ("FILTER", "10001"));

    zmq_pollitem_t items[] = {
        { receiver, 0, ZMQ_POLLIN, 0 },
        { subscriber, 0, ZMQ_POLLIN, 0 },
    };
    while (!s_is_interrupted && s_poll (items, 2, -1) == 0) {
        if (items[0].revents & ZMQ_POLLIN)
            print_one (receiver, "task");
        if (items[1].revents & ZMQ_POLLIN)
            print_one (subscriber, "weather");
    }
    s_close (receiver);
    s_close (subscriber);
    return s_end (context);
}
