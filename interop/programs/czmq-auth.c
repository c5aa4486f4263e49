// packages: libczmq-dev libczmq4 libzmq3-dev gcc
// loads: czmq-auth
// run: cc -Wall -Werror "$0" -o czmq-auth -lczmq -lzmq && ./czmq-auth
//
// The authenticator of libczmq: addresses that it lets in with NULL, passwords with PLAIN, certificates with CURVE.

#include <czmq.h>

// Whether a message gets from a client to a server that are set up for it.
static bool gets_through(zsock_t *server, zsock_t *client)
{
    zsock_bind(server, "tcp://127.0.0.1:*");
    zsock_connect(client, "%s", zsock_endpoint(server));
    zsock_set_linger(client, 0);
    // Who was refused already has nobody to send to.
    zsock_set_sndtimeo(client, 1000);
    zstr_send(client, "let me in");
    zsock_set_rcvtimeo(server, 300);
    char *text = zstr_recv(server);
    bool through = text && streq(text, "let me in");
    zstr_free(&text);
    zsock_destroy(&client), zsock_destroy(&server);
    return through;
}

static bool plain(const char *password)
{
    zsock_t *server = zsock_new(ZMQ_PULL), *client = zsock_new(ZMQ_PUSH);
    zsock_set_plain_server(server, 1);
    zsock_set_plain_username(client, "admin");
    zsock_set_plain_password(client, password);
    return gets_through(server, client);
}

static bool null(void)
{
    zsock_t *server = zsock_new(ZMQ_PULL), *client = zsock_new(ZMQ_PUSH);
    zsock_set_zap_domain(server, "global");
    return gets_through(server, client);
}

// With the server's certificate, and one of a client.
static bool curve(zcert_t *mine, zcert_t *theirs)
{
    zsock_t *server = zsock_new(ZMQ_PULL), *client = zsock_new(ZMQ_PUSH);
    zcert_apply(mine, server), zcert_apply(theirs, client);
    zsock_set_curve_server(server, 1);
    zsock_set_curve_serverkey(client, zcert_public_txt(mine));
    return gets_through(server, client);
}

int main(void)
{
    zactor_t *auth = zactor_new(zauth, NULL);
    printf("null: %d\n", null());
    FILE *passwords = fopen("passwords", "w");
    fputs("admin=secret\n", passwords), fclose(passwords);
    zstr_sendx(auth, "PLAIN", "passwords", NULL), zsock_wait(auth);
    printf("wrong: %d, right: %d\n", plain("wrong"), plain("secret"));
    zcert_t *server = zcert_new(), *friend = zcert_new(), *stranger = zcert_new();
    zsys_dir_create("known");
    zcert_save_public(friend, "known/friend");
    zstr_sendx(auth, "CURVE", "known", NULL), zsock_wait(auth);
    printf("a stranger: %d, a friend: %d\n", curve(server, stranger), curve(server, friend));
    zcert_destroy(&server), zcert_destroy(&friend), zcert_destroy(&stranger);
    zstr_sendx(auth, "DENY", "127.0.0.1", NULL), zsock_wait(auth);
    printf("denied: %d\n", null());
    zactor_destroy(&auth);
    return 0;
}
