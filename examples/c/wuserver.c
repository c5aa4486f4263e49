/*  A weather server: publishes invented weather of random places, as fast as it can.
 *
 *  WEATHER  PUB, bound; "zip code, temperature, humidity"
 */

#include "zhelpers.h"

static int between (int low, int high)
{
    return low + rand () % (high - low + 1);
}

int main (void)
{
    void *context = s_context ();
    void *publisher = s_socket (context, ZMQ_PUB);
    s_bind (publisher, "WEATHER", "tcp://*:5556");

    srand ((unsigned) s_clock ());
    while (!s_is_interrupted) {
        char update[32];
        snprintf (update, sizeof update, "%05d %d %d", between (0, 99999), between (-40, 50), between (10, 90));
        if (s_send (publisher, update) == -1)
            break;
    }
    s_close (publisher);
    return s_end (context);
}
