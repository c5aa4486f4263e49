/*  A worker that can be told to stop.
 *
 *  VENTILATOR  PULL, connected: tasks
 *  SINK        PUSH, connected: a message for each task done
 *  CONTROL     SUB, connected: WELCOME, later KILL
 *
 *  A KILL that is sent before the subscription has arrived would pass the worker by, so it takes no task before the
 *  sink has said WELCOME.
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *controller = s_socket (context, ZMQ_SUB);
    s_connect (controller, "CONTROL", "tcp://localhost:5559");
    s_subscribe (controller, "");
    int welcome = s_wait (controller) == 0;
    if (welcome)
        puts ("welcome; waiting for tasks");

    void *receiver = s_socket (context, ZMQ_PULL);
    s_connect (receiver, "VENTILATOR", "tcp://localhost:5557");
    void *sender = s_socket (context, ZMQ_PUSH);
    s_connect (sender, "SINK", "tcp://localhost:5558");

    zmq_pollitem_t items[] = {
        { receiver, 0, ZMQ_POLLIN, 0 },
        { controller, 0, ZMQ_POLLIN, 0 },
    };
    int killed = 0;
    while (welcome && !killed && !s_is_interrupted && s_poll (items, 2, -1) == 0) {
        if (items[0].revents & ZMQ_POLLIN) {
            char *task = s_recv (receiver);
            if (!task)
                break;
            s_sleep (atol (task));
            free (task);
            if (s_send (sender, "DONE") == -1)
                break;
        }
        if (items[1].revents & ZMQ_POLLIN) {
            char *command = s_recv (controller);
            killed = command && strcmp (command, "KILL") == 0;
            free (command);
        }
    }
    puts (killed ? "stopped by the sink" : "interrupted");
    s_close (receiver);
    s_close (sender);
    s_close (controller);
    return s_end (context);
}
