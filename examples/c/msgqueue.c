/*  The request-reply broker again, by zmq_proxy.
 *
 *  FRONTEND  ROUTER, bound for the clients
 *  BACKEND   DEALER, bound for the workers
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *frontend = s_socket (context, ZMQ_ROUTER);
    s_bind (frontend, "FRONTEND", "tcp://*:5559");
    void *backend = s_socket (context, ZMQ_DEALER);
    s_bind (backend, "BACKEND", "tcp://*:5560");

    zmq_proxy (frontend, backend, NULL);
    s_check (s_is_end (), "zmq_proxy");

    s_close (frontend);
    s_close (backend);
    return s_end (context);
}
