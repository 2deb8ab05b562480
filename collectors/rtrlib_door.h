/*
 * The door, between RTRlib and its transport.
 *
 * It reads whole PDUs from a buffer
 * of 64 KiB (RTRlib itself makes four system calls for each PDU) and refuses VRPs that are none.
 * RTRlib does not: IPv6 prefixes of one address with lengths up to 129 fail an assertion in its
 * trie, which ends the process, and they are the far side's to send.
 *
 * Included once, by rtrlib_shim.c.
 */
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

		if (cache->options.user && wait > SSH_SLICE)
			wait = SSH_SLICE; /* libssh may have read ahead: have it look again */
		int got = cache->inner.recv_fp(cache->inner.socket, cache->input + cache->end,
					       INPUT_BYTES - cache->end, wait);

		if (got == TR_INTR || (got == TR_WOULDBLOCK && wait == SSH_SLICE && cache->options.user))
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
