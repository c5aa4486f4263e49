/*  A weather proxy: a bridge from the publisher's network to that of the subscribers.
 *
 *  Subscriptions pass from XPUB to XSUB, updates the other way.
 *
 *  WEATHER  XSUB, connected to the weather server
 *  OUTSIDE  XPUB, bound for the subscribers
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *frontend = s_socket (context, ZMQ_XSUB);
    s_connect (frontend, "WEATHER", "tcp://localhost:5556");
    void *backend = s_socket (context, ZMQ_XPUB);
    s_bind (backend, "OUTSIDE", "tcp://*:8100");

    zmq_proxy (frontend, backend, NULL);
    s_check (s_is_end (), "zmq_proxy");

    s_close (frontend);
    s_close (backend);
    return s_end (context);
}
