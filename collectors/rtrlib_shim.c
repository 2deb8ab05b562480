/*
 * One RTR cache, followed by RTRlib 0.8; what it tells us is a stream of 32-byte entries.
 *
 * RTRlib calls back for each VRP that it adds or removes, from a thread of its own. The callback
 * appends an entry to a buffer and Python is woken through an eventfd: when the connection changes
 * its state, and every 65,536 entries. Python takes the buffer by its pointer. No Python runs here
 * and no callback waits for it.
 *
 * Between RTRlib and its transport (TCP or SSH) stands a door (rtrlib_door.h), which refuses what is
 * no VRP, some of which would end the process in RTRlib.
 *
 * docs/rtr.md lists RTRlib's faults and where each is cured; the numbers in the comments are its.
 */
#include "rtrlib_cache.h"
#include "rtrlib_door.h"

static void on_update(struct pfx_table *table, const struct pfx_record record, const bool added)
{
	struct cache *cache = (struct cache *)record.socket;
	struct entry entry = {.kind = added ? ANNOUNCED : WITHDRAWN};

	(void)table;
	if (is_closing(cache))
		return; /* RTRlib empties its table while it stops */
	if (record.prefix.ver == LRTR_IPV4) {
		entry.key[0] = 4;
		write32(entry.key + 1, record.prefix.u.addr4.addr);
	} else {
		entry.key[0] = 6;
		for (int word = 0; word < 4; word++)
			write32(entry.key + 1 + 4 * word, record.prefix.u.addr6.addr[word]);
	}
	entry.key[17] = record.min_len;
	write32(entry.key + 18, record.asn);
	entry.key[22] = record.max_len;
	append(cache, &entry);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void on_state(const struct rtr_socket *socket, const enum rtr_socket_state state, void *config,
		     void *group)
{
	struct cache *cache = (struct cache *)socket;
	struct rtr_socket *own = &cache->socket;
	struct entry entry = {.kind = STATE, .at = now_ns()};

	if (state == RTR_SHUTDOWN) /* in the thread that stops us: the rest is not its own */
		return;
	switch (state) {
	case RTR_SYNC:
		cache->update_bytes = 0;
		break;
	case RTR_ESTABLISHED:
		cache->good_update = own->last_update;
		if (own->expire_interval != CACHE_NEVER_EXPIRES)
			cache->expire = least(own->expire_interval, cache->options.expire);
		cache->retry = least(own->retry_interval, cache->options.retry);
		own->refresh_interval = least(own->refresh_interval, cache->options.refresh);
		own->expire_interval = CACHE_NEVER_EXPIRES;
		own->retry_interval = cache->retry; /* (3): a stop may wait for it to pass */
		cache->update_bytes = 0;
		break;
	case RTR_ERROR_FATAL:
		if (cache->state == RTR_SYNC) { /* (1): else a refused Serial Query is repeated for ever */
			own->request_session_id = true;
			own->serial_number = 0;
		}
		/* fall through */
	case RTR_ERROR_TRANSPORT:
	case RTR_ERROR_NO_DATA_AVAIL:
		if (own->last_update == 0) /* (2): else the next reload meets its own VRPs */
			own->last_update = cache->good_update;
		own->retry_interval = state == RTR_ERROR_NO_DATA_AVAIL ? least(cache->retry, NO_DATA_RETRY)
								       : cache->retry;
		break;
	default:
		break;
	}
	entry.key[0] = (uint8_t)state;
	entry.key[1] = (uint8_t)cache->state;
	write32(entry.key + 2, own->session_id);
	write32(entry.key + 6, own->serial_number);
	write32(entry.key + 10, cache->expire);
	cache->state = state;
	/* (6): the manager takes its lock here. While it stops, it holds that and waits for us. */
	pthread_mutex_lock(&cache->chaining);
	if (!is_closing(cache))
		cache->chained(socket, state, config, group);
	pthread_mutex_unlock(&cache->chaining);
	append(cache, &entry);
}

/* ------------------------------------------------------------------------------------- control */

/*
 * (7): Debian's build of RTRlib writes ten lines to stderr for each update, and cannot be told not
 * to. It goes through C's `stderr` (Python does not), so that gets a filter. Its threads are known
 * by their mask: nobody else blocks all signals. What an assertion says comes through.
 */
static ssize_t write_unless_rtrlib(void *cookie, const char *text, size_t size)
{
	static const int telling[] = {SIGHUP, SIGINT, SIGUSR1, SIGTERM, SIGCHLD, SIGWINCH};
	bool all = true;
	sigset_t blocked;

	(void)cookie;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	for (size_t i = 0; i < sizeof(telling) / sizeof(*telling); i++)
		all = all && sigismember(&blocked, telling[i]);
	if (all && !memmem(text, size, "Assertion", 9))
		return (ssize_t)size;
	return write(STDERR_FILENO, text, size);
}

static void filter_stderr(void)
{
	FILE *filtered = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_unless_rtrlib});

	if (filtered) {
		setvbuf(filtered, NULL, _IONBF, 0);
		stderr = filtered;
	}
}

static void release(struct cache *cache)
{
	for (int i = 0; i < 5; i++)
		free(cache->strings[i]);
	free(cache->entries);
	pthread_mutex_destroy(&cache->lock);
	pthread_mutex_destroy(&cache->chaining);
	free(cache);
}

static int open_transport(struct cache *cache)
{
	const struct cache_options *options = &cache->options;

	if (options->user) {
		struct tr_ssh_config ssh = {
			.host = cache->strings[0],
			.port = (unsigned int)atoi(options->port),
			.username = cache->strings[2],
			.client_privkey_path = cache->strings[3],
			.server_hostkey_path = cache->strings[4],
			.data = cache,
			.new_socket = connect_to,
			.connect_timeout = options->connect,
		};
		return tr_ssh_init(&ssh, &cache->inner);
	}
	struct tr_tcp_config tcp = {
		.host = cache->strings[0],
		.port = cache->strings[1],
		.data = cache,
		.new_socket = connect_to,
		.connect_timeout = options->connect,
	};
	return tr_tcp_init(&tcp, &cache->inner);
}

/* NULL if memory or threads have run out, or RTRlib refuses an interval. */
static struct cache *cache_start(const struct cache_options *options)
{
	struct cache *cache = calloc(1, sizeof(*cache));
	const char *given[5] = {options->host, options->port, options->user, options->private_key,
				options->known_hosts};
	const char **kept[5];
	static pthread_once_t filtered = PTHREAD_ONCE_INIT;

	if (!cache)
		return NULL;
	pthread_once(&filtered, filter_stderr);
	cache->options = *options;
	kept[0] = &cache->options.host, kept[1] = &cache->options.port, kept[2] = &cache->options.user;
	kept[3] = &cache->options.private_key, kept[4] = &cache->options.known_hosts;
	for (int i = 0; i < 5; i++)
		*kept[i] = cache->strings[i] = given[i] ? strdup(given[i]) : NULL;
	pthread_mutex_init(&cache->lock, NULL);
	pthread_mutex_init(&cache->chaining, NULL);
	cache->fd = -1;
	cache->expire = options->expire;
	cache->retry = options->retry;
	cache->state = RTR_CLOSED;
	cache->door = (struct tr_socket){.socket = cache,
					 .open_fp = door_open,
					 .close_fp = door_close,
					 .free_fp = door_free,
					 .send_fp = door_send,
					 .recv_fp = door_recv,
					 .ident_fp = door_ident};
	cache->socket.tr_socket = &cache->door;
	cache->sockets[0] = &cache->socket;
	struct rtr_mgr_group group = {.sockets = cache->sockets, .sockets_len = 1, .preference = 1};

	if (open_transport(cache) != TR_SUCCESS) {
		release(cache);
		return NULL;
	}
	if (rtr_mgr_init(&cache->manager, &group, 1, options->refresh, CACHE_NEVER_EXPIRES,
			 options->retry, on_update, NULL, NULL, NULL) != RTR_SUCCESS) {
		cache->inner.free_fp(&cache->inner);
		release(cache);
		return NULL;
	}
	cache->chained = cache->socket.connection_state_fp;
	cache->socket.connection_state_fp = on_state;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before); /* (5): its thread inherits this */
	int status = rtr_mgr_start(cache->manager);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != RTR_SUCCESS) {
		rtr_mgr_free(cache->manager); /* no thread was started, so none is to be stopped */
		release(cache);
		return NULL;
	}
	return cache;
}

/* (4): always stopped before it is freed. Returns when RTRlib's thread has ended. */
static void cache_stop(struct cache *cache)
{
	pthread_mutex_lock(&cache->chaining);
	pthread_mutex_lock(&cache->lock);
	cache->closing = true;
	if (cache->fd >= 0)
		shutdown(cache->fd, SHUT_RDWR);
	pthread_mutex_unlock(&cache->lock);
	pthread_mutex_unlock(&cache->chaining);
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rtr_mgr_stop(cache->manager);
	rtr_mgr_free(cache->manager);
	release(cache);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The entries since the last call, the caller's to release with `entries_free`. */
static struct entry *cache_take(struct cache *cache, size_t *count)
{
	pthread_mutex_lock(&cache->lock);
	struct entry *entries = cache->entries;

	*count = cache->count;
	cache->entries = NULL;
	cache->count = cache->capacity = 0;
	pthread_mutex_unlock(&cache->lock);
	return entries;
}

static void entries_free(void *entries)
{
	free(entries);
}

/* How it stands: bytes received, VRPs refused, why it last failed. False: memory has run out. */
static bool cache_look(struct cache *cache, uint64_t *received, int64_t *rejected, char *reason)
{
	pthread_mutex_lock(&cache->lock);
	*received = cache->received;
	memcpy(rejected, cache->rejected, sizeof(cache->rejected));
	memcpy(reason, cache->reason, REASON_BYTES);
	bool whole = !cache->broken;

	pthread_mutex_unlock(&cache->lock);
	return whole;
}
