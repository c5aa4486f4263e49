/*  A weather client: the mean temperature over some updates of one place.
 *
 *  WEATHER  SUB, connected
 *  FILTER   zip code, or the first digits of several
 *  COUNT    updates
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *subscriber = s_socket (context, ZMQ_SUB);
    s_connect (subscriber, "WEATHER", "tcp://localhost:5556");
    const char *filter = s_setting ("FILTER", "10001");
    s_subscribe (subscriber, filter);

    long count = s_number ("COUNT", 100);
    long received = 0;
    long total = 0;
    while (received < count && !s_is_interrupted) {
        char *update = s_recv (subscriber);
        if (!update)
            break;
        int zip_code, temperature, humidity;
        int fields = sscanf (update, "%d %d %d", &zip_code, &temperature, &humidity);
        if (fields != 3 || strncmp (update, filter, strlen (filter)) != 0) {
            fprintf (stderr, "not asked for: \"%s\"\n", update);
            exit (EXIT_FAILURE);
        }
        free (update);
        total += temperature;
        received++;
    }
    if (received)
        printf ("mean temperature of %s over %ld updates: %ld\n", filter, received, total / received);
    s_close (subscriber);
    return s_end (context);
}
