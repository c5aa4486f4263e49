/*  A request-reply broker: clients on one side, workers on the other, and neither knows how many the others are.
 *
 *  FRONTEND  ROUTER, bound for the clients
 *  BACKEND   DEALER, bound for the workers
 */

#include "zhelpers.h"

/*  Passes one message on, frame by frame, whatever it holds: 0, or -1 if the program is to end. */
static int forward (void *from, void *to)
{
    int more;
    do {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        int rc = zmq_msg_recv (&frame, from, 0);
        more = zmq_msg_more (&frame);
        if (rc >= 0)
            rc = zmq_msg_send (&frame, to, more ? ZMQ_SNDMORE : 0);
        if (rc == -1) {
            s_check (s_is_end (), "forward");
            zmq_msg_close (&frame);
            return -1;
        }
    } while (more);
    return 0;
}

int main (void)
{
    void *context = s_context ();
    void *frontend = s_socket (context, ZMQ_ROUTER);
    s_bind (frontend, "FRONTEND", "tcp://*:5559");
    void *backend = s_socket (context, ZMQ_DEALER);
    s_bind (backend, "BACKEND", "tcp://*:5560");

    zmq_pollitem_t items[] = {
        { frontend, 0, ZMQ_POLLIN, 0 },
        { backend, 0, ZMQ_POLLIN, 0 },
    };
    int rc = 0;
    while (rc == 0 && !s_is_interrupted && s_poll (items, 2, -1) == 0) {
        if (items[0].revents & ZMQ_POLLIN)
            rc = forward (frontend, backend);
        if (rc == 0 && items[1].revents & ZMQ_POLLIN)
            rc = forward (backend, frontend);
    }
    s_close (frontend);
    s_close (backend);
    return s_end (context);
}
