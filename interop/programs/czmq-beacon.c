// packages: libczmq-dev libczmq4 libzmq3-dev gcc util-linux iproute2
// loads: czmq-beacon
// needs: unshare --map-root-user --net ip link add link0 type veth peer name link1
// run: cc -Wall -Werror "$0" -o czmq-beacon -lczmq -lzmq && unshare --map-root-user --net sh -ec '
// run:     ip link add link0 type veth peer name link1; ip address add 10.11.12.1/24 broadcast + dev link0
// run:     ip link set link0 up; ip link set link1 up; exec ./czmq-beacon'
//
// libczmq's zbeacon, in a network of its own: by broadcast one announces itself, and others hear of it.

#include <czmq.h>

#define PORT 9999

// A beacon on the one interface there is.
static zactor_t *beacon(void)
{
    zactor_t *beacon = zactor_new(zbeacon, NULL);
    zsock_send(beacon, "si", "CONFIGURE", PORT);
    char *host = zstr_recv(beacon);
    printf("on %s\n", host);
    zstr_free(&host);
    return beacon;
}

static void announce(zactor_t *beacon, const char *what)
{
    zsock_send(beacon, "sbi", "PUBLISH", (byte *) what, strlen(what), 50);
}

static void listen_for(zactor_t *beacon, const char *prefix)
{
    zsock_send(beacon, "sb", "SUBSCRIBE", (byte *) prefix, strlen(prefix));
}

// The next that is heard, and from where.
static void hear(const char *who, zactor_t *beacon)
{
    zsock_set_rcvtimeo(beacon, 10000);
    char *host = zstr_recv(beacon);
    zframe_t *what = zframe_recv(beacon);
    printf("%s hears %.*s from %s\n", who, (int) zframe_size(what), (char *) zframe_data(what), host);
    zstr_free(&host), zframe_destroy(&what);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    zsys_set_interface("link0");
    zactor_t *printer = beacon(), *scanner = beacon(), *desk = beacon();
    listen_for(desk, "PRN");
    listen_for(scanner, "");
    announce(printer, "PRN:one");
    hear("desk", desk);
    hear("scanner", scanner);
    hear("desk", desk);

    // What it announces itself it does not hear.
    announce(scanner, "SCN:two");
    hear("scanner", scanner);
    zstr_send(printer, "SILENCE");
    announce(printer, "PRN:three");
    char *heard = NULL;
    do {
        zstr_free(&heard);
        char *host = zstr_recv(desk);
        zstr_free(&host);
        heard = zstr_recv(desk);
    } while (!streq(heard, "PRN:three"));
    printf("desk hears of the change\n");
    zstr_free(&heard);

    zstr_send(desk, "UNSUBSCRIBE");
    zactor_destroy(&printer), zactor_destroy(&scanner), zactor_destroy(&desk);
    printf("over\n");
    return 0;
}
