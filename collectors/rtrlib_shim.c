/*
 * One RTR cache, followed by RTRlib 0.8; what it tells us is a stream of 32-byte entries.
 *
 * RTRlib calls back for each VRP that it adds or removes, from a thread of its own. The callback
 * appends an entry to a buffer and Python is woken through an eventfd: when the connection changes
 * its state, and every 65,536 entries. Python takes the buffer by its pointer. No Python runs here
 * and no callback waits for it.
 *
 * Between RTRlib and its transport (TCP or SSH) stands the door: it reads whole PDUs from a buffer
 * of 64 KiB (RTRlib itself makes four system calls for each PDU) and refuses VRPs that are none.
 * RTRlib does not: IPv6 prefixes of one address with lengths up to 129 fail an assertion in its
 * trie, which ends the process, and they are the far side's to send.
 *
 * docs/rtr.md lists RTRlib's faults and where each is cured; (1) to (7) below are its numbers.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rtrlib/rtrlib.h>

#if RTRLIB_VERSION_MAJOR != 0 || RTRLIB_VERSION_MINOR != 8
#error "made for RTRlib 0.8: its structures are laid out here, and differ in every other version"
#endif

#define WAKE_EVERY 65536
#define INPUT_BYTES 65536
#define LARGEST_PDU 3248 /* RTRlib's RTR_MAX_PDU_LEN */
#define CACHE_NEVER_EXPIRES 172800 /* the most that RTRlib takes; the clock that counts is Python's */
#define NO_DATA_RETRY 2
#define BULK_BYTES 16384
#define BULK_PAUSE_US 1000
#define REASON_BYTES 200

enum { WITHDRAWN, ANNOUNCED, STATE, NOTIFY };
enum { BEYOND_LENGTH, HOST_BITS, BELOW_LENGTH, BEYOND_MAXLENGTH, FAULTS };

struct entry {
	uint8_t key[23]; /* of a VRP: family, address (16), length, AS number (4), maxLength */
	uint8_t kind;
	uint64_t at; /* CLOCK_MONOTONIC, nanoseconds; of states and Notifies only */
};

struct cache_options {
	const char *host, *port;
	const char *user, *private_key, *known_hosts; /* SSH if user is not NULL */
	uint32_t refresh, retry, expire, silence, connect;
	uint64_t most_bytes; /* of one update */
	int event_fd;
};

struct cache {
	struct rtr_socket socket; /* first: `record.socket` is this structure */
	struct tr_socket door, inner;
	struct rtr_socket *sockets[1];
	struct rtr_mgr_config *manager;
	rtr_connection_state_fp chained;
	pthread_mutex_t chaining;
	struct cache_options options;
	char *strings[5];

	pthread_mutex_t lock; /* guards what follows, down to `reason` */
	struct entry *entries;
	size_t count, capacity;
	bool closing, broken;
	int fd; /* a duplicate of the connection's, to wake its reader with */
	int64_t rejected[FAULTS];
	uint64_t received;
	char reason[REASON_BYTES];

	/* RTRlib's thread alone */
	enum rtr_socket_state state;
	time_t good_update;
	uint32_t expire, retry;
	uint64_t update_bytes;
	size_t start, end, passed;
	uint8_t input[INPUT_BYTES];
};

static uint32_t read32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static bool is_closing(struct cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	bool closing = cache->closing || cache->broken;

	pthread_mutex_unlock(&cache->lock);
	return closing;
}

static void set_reason(struct cache *cache, const char *what, const char *detail)
{
	pthread_mutex_lock(&cache->lock);
	snprintf(cache->reason, sizeof(cache->reason), "%s%s", what, detail);
	pthread_mutex_unlock(&cache->lock);
}

/* ------------------------------------------------------------------------------- the entries */

static void append(struct cache *cache, const struct entry *entry)
{
	bool wake = entry->kind == STATE;

	pthread_mutex_lock(&cache->lock);
	if (cache->count == cache->capacity) {
		size_t capacity = cache->capacity ? 2 * cache->capacity : 256;
		void *grown = realloc(cache->entries, capacity * sizeof(*entry));

		if (grown) {
			cache->entries = grown;
			cache->capacity = capacity;
		} else {
			cache->broken = wake = true;
		}
	}
	if (cache->count < cache->capacity) {
		cache->entries[cache->count++] = *entry;
		wake |= cache->count % WAKE_EVERY == 0;
	}
	pthread_mutex_unlock(&cache->lock);
	if (wake) {
		uint64_t one = 1;

		if (write(cache->options.event_fd, &one, sizeof(one)) < 0)
			return; /* only if the counter is full: then its reader is awake */
	}
}

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

/* ----------------------------------------------------------------------------------- the door */

enum verdict { ADMIT, SKIP, BREAK };

static enum verdict admit_prefix(struct cache *cache, const uint8_t *pdu, unsigned int bits)
{
	unsigned int length = pdu[9], most = pdu[10], fault = FAULTS;
	const uint8_t *address = pdu + 12;

	if (length > bits) {
		fault = BEYOND_LENGTH;
	} else {
		for (unsigned int byte = length / 8; byte < bits / 8; byte++)
			if (address[byte] & (byte == length / 8 ? 0xFF >> length % 8 : 0xFF))
				fault = HOST_BITS;
		if (fault == FAULTS && most < length)
			fault = BELOW_LENGTH;
		if (fault == FAULTS && most > bits)
			fault = BEYOND_MAXLENGTH;
	}
	if (fault == FAULTS)
		return ADMIT;
	pthread_mutex_lock(&cache->lock);
	cache->rejected[fault] += pdu[8] & 1 ? 1 : -1;
	pthread_mutex_unlock(&cache->lock);
	return SKIP;
}

static enum verdict inspect_error(struct cache *cache, const uint8_t *pdu, uint32_t length)
{
	uint32_t inner, size;
	char text[REASON_BYTES - 60], what[48];

	if (length < 16 || (inner = read32(pdu + 8)) > length - 16 ||
	    (size = read32(pdu + 12 + inner)) != length - 16 - inner) {
		set_reason(cache, "it sent a malformed Error Report", "");
		return BREAK;
	}
	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	for (uint32_t i = 0; i < size; i++) {
		uint8_t letter = pdu[16 + inner + i];

		text[i] = letter >= ' ' && letter < 127 ? (char)letter : '?';
	}
	text[size] = 0;
	snprintf(what, sizeof(what), "it reports error %u%s", (unsigned int)pdu[2] << 8 | pdu[3],
		 size ? ": " : "");
	set_reason(cache, what, text);
	return ADMIT;
}

/* What is malformed in other ways is left to RTRlib, which answers with an Error Report. */
static enum verdict inspect(struct cache *cache, const uint8_t *pdu, uint32_t length)
{
	struct entry entry = {.kind = NOTIFY};

	switch (pdu[1]) {
	case 0:
		entry.at = now_ns();
		if (cache->state == RTR_ESTABLISHED)
			append(cache, &entry);
		return ADMIT;
	case 4:
		return length == 20 ? admit_prefix(cache, pdu, 32) : ADMIT;
	case 6:
		return length == 32 ? admit_prefix(cache, pdu, 128) : ADMIT;
	case 9:
		return SKIP; /* router keys (BGPsec) are not ours to use, and need not be stored */
	case 10:
		return inspect_error(cache, pdu, length);
	default:
		return ADMIT;
	}
}

/* Read until `need` bytes are there; what RTRlib would get, if they do not come. */
static int fill(struct cache *cache, size_t need, uint64_t deadline, bool poll_only)
{
	while (cache->end - cache->start < need) {
		if (INPUT_BYTES - cache->start < need || cache->start == cache->end) {
			memmove(cache->input, cache->input + cache->start, cache->end - cache->start);
			cache->end -= cache->start;
			cache->start = 0;
		}
		uint64_t now = now_ns();

		if (is_closing(cache))
			return TR_ERROR;
		if (!poll_only && now >= deadline)
			return TR_WOULDBLOCK;
		time_t wait = poll_only ? 0 : (time_t)((deadline - now + 999999999U) / 1000000000U);
		int got = cache->inner.recv_fp(cache->inner.socket, cache->input + cache->end,
					       INPUT_BYTES - cache->end, wait);

		if (got == TR_INTR)
			continue;
		if (is_closing(cache))
			return TR_ERROR;
		if (got == 0 || got == TR_CLOSED) {
			set_reason(cache, "it closed the connection", "");
			return TR_CLOSED;
		}
		if (got < 0) {
			if (got != TR_WOULDBLOCK)
				set_reason(cache, "the connection broke", "");
			return got;
		}
		cache->end += (size_t)got;
		if (cache->update_bytes > BULK_BYTES && got < BULK_BYTES)
			usleep(BULK_PAUSE_US); /* it sends PDU by PDU: let some come together */
		cache->update_bytes += (uint64_t)got;
		pthread_mutex_lock(&cache->lock);
		cache->received += (uint64_t)got;
		pthread_mutex_unlock(&cache->lock);
		if (cache->update_bytes > cache->options.most_bytes) {
			set_reason(cache, "it sent more than max_vrps in one update", "");
			return TR_ERROR;
		}
	}
	return TR_SUCCESS;
}

static int next_pdu(struct cache *cache, time_t timeout)
{
	uint64_t deadline;

	if (cache->state == RTR_SYNC && timeout > (time_t)cache->options.silence)
		timeout = (time_t)cache->options.silence;
	deadline = now_ns() + (uint64_t)timeout * 1000000000U;
	for (;;) {
		int status = fill(cache, 8, deadline, timeout == 0);

		if (status == TR_SUCCESS) {
			uint32_t length = read32(cache->input + cache->start + 4);

			if (length < 8 || length > LARGEST_PDU) {
				set_reason(cache, "it sent what is no RTR", "");
				cache->passed = 8; /* RTRlib refuses it by its header */
				return TR_SUCCESS;
			}
			status = fill(cache, length, deadline, timeout == 0);
			if (status == TR_SUCCESS) {
				switch (inspect(cache, cache->input + cache->start, length)) {
				case ADMIT:
					cache->passed = length;
					return TR_SUCCESS;
				case SKIP:
					cache->start += length;
					continue;
				case BREAK:
					return TR_ERROR;
				}
			}
		}
		if (status == TR_WOULDBLOCK && cache->state == RTR_SYNC)
			set_reason(cache, "it fell silent in the middle of an update", "");
		return status;
	}
}

static int door_recv(const void *self, void *to, const size_t size, const time_t timeout)
{
	struct cache *cache = (struct cache *)self;
	int cancel, status = TR_SUCCESS;

	/* RTRlib leaks what it has received if it is cancelled here. `stop` wakes us otherwise. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (cache->passed == 0)
		status = next_pdu(cache, timeout);
	if (status == TR_SUCCESS) {
		size_t taken = size < cache->passed ? size : cache->passed;

		memcpy(to, cache->input + cache->start, taken);
		cache->start += taken;
		cache->passed -= taken;
		status = (int)taken;
	}
	pthread_setcancelstate(cancel, NULL);
	return status;
}

/* RTRlib tells the cache what is wrong with it (RFC 8210 section 12): that is for us to know, too. */
static void note_own_error(struct cache *cache, const uint8_t *pdu)
{
	static const char *const names[] = {
		"corrupt data",		   "internal error",
		"no data available",	   "invalid request",
		"unsupported version",	   "unsupported PDU type",
		"withdrawal of an unknown VRP", "duplicate announcement",
		"unexpected version"};
	unsigned int code = (unsigned int)pdu[2] << 8 | pdu[3];

	if (!cache->reason[0])
		set_reason(cache, "it broke the protocol: ",
			   code < sizeof(names) / sizeof(*names) ? names[code] : "unknown error");
}

static int door_send(const void *self, const void *pdu, const size_t size, const time_t timeout)
{
	struct cache *cache = (struct cache *)self;
	int cancel, sent;

	if (size >= 2 && ((const uint8_t *)pdu)[1] == 2) { /* Reset Query: all will be counted anew */
		pthread_mutex_lock(&cache->lock);
		memset(cache->rejected, 0, sizeof(cache->rejected));
		pthread_mutex_unlock(&cache->lock);
	}
	if (size >= 8 && ((const uint8_t *)pdu)[1] == 10)
		note_own_error(cache, pdu);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	sent = cache->inner.send_fp(cache->inner.socket, pdu, size, timeout);
	pthread_setcancelstate(cancel, NULL);
	return sent;
}

static int try_address(struct cache *cache, const struct addrinfo *address, uint64_t deadline)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? errno : 0;
	socklen_t size = sizeof(error);

	if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
		error = errno;
		while (error == EINPROGRESS && !is_closing(cache)) {
			struct pollfd ready = {.fd = fd, .events = POLLOUT};

			if (now_ns() > deadline)
				error = ETIMEDOUT;
			else if (poll(&ready, 1, 100) > 0)
				getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		}
	}
	if (error == 0)
		error = fcntl(fd, F_SETFL, 0) < 0 ? errno : 0;
	if (error == 0)
		return fd;
	char text[100];

	set_reason(cache, "cannot connect: ", strerror_r(error, text, sizeof(text)));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_to(void *self)
{
	struct cache *cache = self;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	uint64_t deadline = now_ns() + (uint64_t)cache->options.connect * 1000000000U;
	int fd = -1, error = getaddrinfo(cache->options.host, cache->options.port, &hints, &found);

	if (error) {
		set_reason(cache, "cannot resolve its name: ", gai_strerror(error));
		return -1;
	}
	for (struct addrinfo *at = found; at && fd < 0 && !is_closing(cache); at = at->ai_next)
		fd = try_address(cache, at, deadline);
	freeaddrinfo(found);
	if (fd >= 0) {
		pthread_mutex_lock(&cache->lock);
		cache->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		bool closing = cache->closing;

		pthread_mutex_unlock(&cache->lock);
		if (closing || cache->fd < 0) {
			close(fd);
			fd = -1;
		}
	}
	return fd;
}

static void forget_fd(struct cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	if (cache->fd >= 0)
		close(cache->fd);
	cache->fd = -1;
	pthread_mutex_unlock(&cache->lock);
}

static int door_open(void *self)
{
	struct cache *cache = self;
	int cancel, status;

	cache->start = cache->end = cache->passed = 0;
	cache->update_bytes = 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	set_reason(cache, "", "");
	status = is_closing(cache) ? TR_ERROR : cache->inner.open_fp(cache->inner.socket);
	if (status != TR_SUCCESS) {
		forget_fd(cache);
		if (cache->options.user && !cache->reason[0])
			set_reason(cache, "the SSH session was refused: check user, private_key, known_hosts", "");
	}
	pthread_setcancelstate(cancel, NULL);
	return status;
}

static void door_close(void *self)
{
	struct cache *cache = self;

	forget_fd(cache);
	cache->inner.close_fp(cache->inner.socket);
}

static void door_free(struct tr_socket *door)
{
	struct cache *cache = door->socket;

	cache->inner.free_fp(&cache->inner);
}

static const char *door_ident(void *self)
{
	struct cache *cache = self;

	return cache->inner.ident_fp(cache->inner.socket);
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
