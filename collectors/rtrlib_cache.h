/*
 * What is known of one cache, and the stream of 32-byte entries that Python takes.
 *
 * Included once, by rtrlib_shim.c, which says how it all works.
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
#define SSH_SLICE 2
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
